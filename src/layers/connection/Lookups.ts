/** What a client may look up without subscribing. */
import { Effect } from "effect"
import { kindOf } from "../../domain/Ids.ts"
import type { State as Thread } from "../../domain/kinds/ThreadModel.ts"
import type { Directory } from "../../services/Directory.ts"
import type { Topics } from "../../services/Topics.ts"
import * as Account from "./Account.ts"
import * as Answers from "./Answers.ts"
import type { Floor, Of, Slot } from "./Floor.ts"
import type { Link } from "./Link.ts"

export interface Options {
  readonly floor: Floor
  readonly topics: Topics["Service"]
  readonly directory: Directory["Service"]
}

export const make = ({ directory, floor, topics }: Options) => {
  const listThreads = Effect.fnUntraced(
    function*(link: Link, { all, ref }: Of<"ListThreads">, slot: Slot) {
      if (link.subscriber === undefined) return
      const threads = yield* directory.list(link.subscriber.user, { kind: "thread", all, limit: Answers.listed })
      floor.say(link, slot, { _tag: "threads", threads: threads.map(Answers.summary), ref_id: ref })
      floor.settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, () => floor.refused(link, slot, ref, null, Answers.unavailable))
  )

  const readThread = Effect.fnUntraced(
    function*(link: Link, { ref, topic }: Of<"ReadThread">, slot: Slot) {
      // Whoever asked: the connection may stand for nobody by the time that there is an answer.
      const user = link.subscriber?.user
      if (user === undefined) return
      if (kindOf(topic) !== "thread") return yield* floor.refused(link, slot, ref, topic, notAThread)
      const thread = (yield* topics.state(topic, user)) as Thread
      floor.say(link, slot, Answers.messages(ref, thread), topic)
      floor.settled(link, topic, undefined)
    },
    (effect, link, { ref, topic }, slot) =>
      Effect.catch(effect, (error) => floor.refused(link, slot, ref, topic, error.rejection))
  )

  const readUser = Effect.fnUntraced(
    function*(link: Link, { ref }: Of<"ReadUser">, slot: Slot) {
      if (link.subscriber === undefined) return
      const user = link.subscriber.user
      const balance = yield* Account.balance(user)
      floor.say(link, slot, { _tag: "user", user: { public_key: user, balance }, ref_id: ref })
      floor.settled(link, null, undefined)
    },
    (effect, link, { ref }, slot) =>
      Effect.catch(effect, (error) => floor.refused(link, slot, ref, null, error.rejection))
  )

  return { listThreads, readThread, readUser }
}

const notAThread: Answers.Refused = { code: "unknown_type", message: "only threads have messages to get" }
