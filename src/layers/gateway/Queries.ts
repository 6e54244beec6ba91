/** Handlers of the intents that read once, without a subscription. */
import { Effect } from "effect"
import { kindOf } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import {
  completeRequest,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  type IntentOf,
  rejectRequest,
  type ReplyTarget,
  sendMessage,
  startRequest
} from "./ConnectionRuntime.ts"
import * as LedgerAccount from "./LedgerAccount.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** Answers `get_threads` from the directory. */
export const listThreads: ConnectionIntentHandler<"ListThreads"> = (runtime, client, intent, slot) =>
  startRequest(runtime, client, slot, intent.ref, queryThreads(runtime, client, intent, slot))

const queryThreads = Effect.fnUntraced(
  function*(
    runtime: ConnectionRuntime,
    client: ClientConnection,
    { all, ref }: IntentOf<"ListThreads">,
    slot: ReplyTarget
  ) {
    const user = client.subscriber?.user
    if (user === undefined) return
    const threads = yield* runtime.directory.list(user, {
      kind: "thread",
      includePublic: all,
      limit: ServerMessages.maxListedThreads
    })
    sendMessage(runtime, client, slot, {
      _tag: "threads",
      threads: threads.map(ServerMessages.threadSummary),
      ref_id: ref
    })
    completeRequest(runtime, client, null)
  },
  (effect, runtime, client, { ref }, slot) =>
    Effect.catch(
      effect,
      () => Effect.sync(() => rejectRequest(runtime, client, slot, ref, null, ServerMessages.unavailableError))
    )
)

/** Answers `get_thread` with the messages of the thread's durable state. */
export const readThread: ConnectionIntentHandler<"ReadThread"> = (runtime, client, intent, slot) =>
  startRequest(runtime, client, slot, intent.ref, queryThread(runtime, client, intent, slot))

const queryThread = Effect.fnUntraced(
  function*(
    runtime: ConnectionRuntime,
    client: ClientConnection,
    { ref, topic }: IntentOf<"ReadThread">,
    slot: ReplyTarget
  ) {
    // Read now: the connection may have no user by the time the state is loaded.
    const user = client.subscriber?.user
    if (user === undefined) return
    if (kindOf(topic) !== "thread") return rejectRequest(runtime, client, slot, ref, topic, notAThread)
    const thread = yield* runtime.topics.stateOf(threadKind, topic, user)
    sendMessage(runtime, client, slot, ServerMessages.threadMessages(ref, thread), topic)
    completeRequest(runtime, client, topic)
  },
  (effect, runtime, client, { ref, topic }, slot) =>
    Effect.catch(
      effect,
      ({ rejection }) => Effect.sync(() => rejectRequest(runtime, client, slot, ref, topic, rejection))
    )
)

const notAThread: ServerMessages.RequestRejection = {
  code: "unknown_type",
  message: "get_thread works on threads only: subscribe to read other topics"
}

/** Answers `get_user` with the user's balance. */
export const readUser: ConnectionIntentHandler<"ReadUser"> = (runtime, client, intent, slot) =>
  startRequest(runtime, client, slot, intent.ref, queryUser(runtime, client, intent, slot))

const queryUser = Effect.fnUntraced(
  function*(
    runtime: ConnectionRuntime,
    client: ClientConnection,
    { ref }: IntentOf<"ReadUser">,
    slot: ReplyTarget
  ) {
    const user = client.subscriber?.user
    if (user === undefined) return
    const balance = yield* LedgerAccount.readBalance(user)
    sendMessage(runtime, client, slot, { _tag: "user", user: { public_key: user, balance }, ref_id: ref })
    completeRequest(runtime, client, null)
  },
  (effect, runtime, client, { ref }, slot) =>
    Effect.catch(
      effect,
      ({ rejection }) => Effect.sync(() => rejectRequest(runtime, client, slot, ref, null, rejection))
    )
)
