/** Handlers of the intents that read once, without a subscription. */
import { Effect } from "effect"
import { kindOf } from "../../domain/protocol/Ids.ts"
import type { ServerMessage } from "../../domain/protocol/Protocol.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type { Topics } from "../../services/Topics.ts"
import type { SignedInSubscriber } from "../delivery/ConnectionSubscriber.ts"
import { enqueueRead } from "./CatchUpQueue.ts"
import {
  answerRequest,
  completeReply,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  type IntentOf,
  rejectRequest,
  type Reply
} from "./ConnectionRuntime.ts"
import * as LedgerAccount from "./LedgerAccount.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** The tags of the intents that read once. */
type QueryTag = "ListThreads" | "ReadThread" | "ReadUser"

/** Reads what an intent asks for, as its user may see it. */
type Query<T extends QueryTag> = (
  runtime: ConnectionRuntime,
  subscriber: SignedInSubscriber,
  intent: IntentOf<T>
) => Effect.Effect<Reply, ServerMessages.RequestRejection, Topics>

/**
 * Answers an intent with the result of its query, when the earlier reads of the connection are complete. The user is read
 * now: the connection may have none later.
 */
const answerWith =
  <T extends QueryTag>(query: Query<T>): ConnectionIntentHandler<T> => (runtime, client, intent, slot) => {
    const { subscriber } = client
    if (subscriber === undefined) return
    const { payer } = subscriber
    const { ref }: { readonly ref: string } = intent
    if (slot !== undefined) slot.pendingCount += 1
    enqueueRead(runtime, client, payer, slot, {
      start: (charge, onComplete) => {
        answerRequest(runtime, client, slot, intent, query(runtime, subscriber, intent), charge, onComplete)
        completeReply(client, slot)
      },
      reject: (rejection) => {
        rejectRequest(runtime, client, slot, ref, null, rejection)
        completeReply(client, slot)
      }
    })
  }

/** Answers `get_threads` from the directory. */
export const listThreads = answerWith<"ListThreads">(({ directory }, { user }, { all, ref }) =>
  directory.list(user, { kind: "thread", host: "", includePublic: all, limit: ServerMessages.maxListedThreads }).pipe(
    Effect.map((threads): ServerMessage => ({
      _tag: "threads",
      threads: threads.map(ServerMessages.threadSummary),
      ref_id: ref
    })),
    Effect.mapError(() => ServerMessages.unavailableError)
  )
)

/** Answers `get_thread` with the messages of the thread's durable state. */
export const readThread = answerWith<"ReadThread">(({ topics }, { user }, { ref, topic }) =>
  kindOf(topic) === "thread"
    ? topics.stateOf(threadKind, topic, user).pipe(
      Effect.map((thread) => ServerMessages.threadMessages(ref, thread)),
      Effect.mapError(({ rejection }) => rejection)
    )
    : Effect.fail(notAThread)
)

const notAThread: ServerMessages.RequestRejection = {
  code: "unknown_type",
  message: "get_thread works on threads only: subscribe to read other topics"
}

/** Answers `get_user` with the user's balance, or that of an agent's owner. */
export const readUser = answerWith<"ReadUser">((_runtime, { payer, user }, { ref }) =>
  LedgerAccount.readBalance(payer).pipe(
    Effect.map((balance): ServerMessage => ({ _tag: "user", user: { public_key: user, balance }, ref_id: ref })),
    Effect.mapError(({ rejection }) => rejection)
  )
)
