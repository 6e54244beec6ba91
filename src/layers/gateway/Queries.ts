/** What a client may look up without subscribing. */
import { Effect } from "effect"
import { kindOf } from "../../domain/protocol/Ids.ts"
import { threadKind } from "../../domain/thread/Thread.ts"
import type { Directory } from "../../services/Directory.ts"
import type { Topics } from "../../services/Topics.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import type { ConnectionRuntime, IntentOf, ReplyTarget } from "./ConnectionRuntime.ts"
import * as LedgerAccount from "./LedgerAccount.ts"
import * as ServerMessages from "./ServerMessages.ts"

export interface QueryDependencies {
  readonly runtime: ConnectionRuntime
  readonly topics: Topics["Service"]
  readonly directory: Directory["Service"]
}

export const make = ({ directory, runtime, topics }: QueryDependencies) => {
  const listThreads = Effect.fnUntraced(
    function*(client: ClientConnection, { all, ref }: IntentOf<"ListThreads">, slot: ReplyTarget) {
      if (client.subscriber === undefined) return
      const threads = yield* directory.list(client.subscriber.user, {
        kind: "thread",
        includePublic: all,
        limit: ServerMessages.maxListedThreads
      })
      runtime.sendMessage(client, slot, {
        _tag: "threads",
        threads: threads.map(ServerMessages.threadSummary),
        ref_id: ref
      })
      runtime.completeRequest(client, null, undefined)
    },
    (effect, client, { ref }, slot) =>
      Effect.catch(effect, () => runtime.rejectRequest(client, slot, ref, null, ServerMessages.unavailableError))
  )

  const readThread = Effect.fnUntraced(
    function*(client: ClientConnection, { ref, topic }: IntentOf<"ReadThread">, slot: ReplyTarget) {
      // Whoever asked: the connection may stand for nobody by the time that there is an answer.
      const user = client.subscriber?.user
      if (user === undefined) return
      if (kindOf(topic) !== "thread") return yield* runtime.rejectRequest(client, slot, ref, topic, notAThread)
      const thread = yield* topics.stateOf(threadKind, topic, user)
      runtime.sendMessage(client, slot, ServerMessages.threadMessages(ref, thread), topic)
      runtime.completeRequest(client, topic, undefined)
    },
    (effect, client, { ref, topic }, slot) =>
      Effect.catch(effect, (error) => runtime.rejectRequest(client, slot, ref, topic, error.rejection))
  )

  const readUser = Effect.fnUntraced(
    function*(client: ClientConnection, { ref }: IntentOf<"ReadUser">, slot: ReplyTarget) {
      if (client.subscriber === undefined) return
      const user = client.subscriber.user
      const balance = yield* LedgerAccount.readBalance(user)
      runtime.sendMessage(client, slot, { _tag: "user", user: { public_key: user, balance }, ref_id: ref })
      runtime.completeRequest(client, null, undefined)
    },
    (effect, client, { ref }, slot) =>
      Effect.catch(effect, (error) => runtime.rejectRequest(client, slot, ref, null, error.rejection))
  )

  return { listThreads, readThread, readUser }
}

const notAThread: ServerMessages.RequestRejection = {
  code: "unknown_type",
  message: "only threads have messages to get"
}
