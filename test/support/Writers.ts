/**
 * People who write into a room without rest and note what they were told: by the client library, which sends again
 * until it knows, and by bare sockets, which may never hear what became of a message.
 */
import { Effect } from "effect"
import { Client } from "../../src/client/index.ts"
import type { TopicId } from "../../src/domain/Ids.ts"
import type { History, Sent } from "./History.ts"
import type { Member } from "./Members.ts"
import { open, person, type Received, signIn, uuid } from "./People.ts"

export interface Work {
  readonly history: History
  /** Milliseconds that a writer rests after each window of messages. */
  readonly pause: number
  /** Nobody begins another message once this is true. */
  stopped: boolean
}

/** How many messages a writer sends before it waits for the answers. */
const window = 4

/** Writes until the work is stopped; then everything sent has its outcome. */
export const write = (member: Member, work: Work): Effect.Effect<void> =>
  Effect.gen(function*() {
    while (!work.stopped) {
      yield* Effect.forEach(
        Array.from({ length: window }, () => work.history.send(Client.commandId(), member.key)),
        (sent) => post(member, work, sent),
        { concurrency: "unbounded", discard: true }
      )
      yield* Effect.sleep(work.pause)
    }
  })

/** Sends what has been noted, and notes its outcome. */
export const post = (member: Member, { history }: Work, sent: Sent): Effect.Effect<void> =>
  member.room.send({ _tag: "send_message", content: sent.id }, sent.id).pipe(
    Effect.match({
      onSuccess: ({ seq }) => history.acknowledge(sent, seq),
      onFailure: () => {
        sent.outcome = "refused"
      }
    })
  )

/**
 * Writes on a bare socket, a new one whenever the last broke. Of the messages that were not answered every other is
 * sent again, under its id; of the rest it never learns.
 */
export const writeBare = (url: string, topic: TopicId, work: Work): Effect.Effect<void> =>
  Effect.suspend(() => {
    const who = person()
    const joining = uuid()
    const sent = new Map<string, Sent>()

    const connection = Effect.gen(function*() {
      const client = yield* open(`${url.replace("http", "ws")}/ws`)
      const say = (type: string, id: string, payload: object) =>
        client.ws.send(JSON.stringify({ id, type, payload, timestamp: 0, thread_id: topic }))
      const post = (one: Sent) => say("send_message", one.id, { content: one.id })
      const answered = Effect.map(client.next, (message) => note(work, sent, message))

      const life = Effect.gen(function*() {
        yield* signIn(client, who)
        say("join_room", joining, {})
        yield* client.nextOf("receipt")
        const unsure = [...sent.values()]
        for (const [i, one] of unsure.entries()) if (i % 2 === 0) sent.delete(one.id)
        for (const one of sent.values()) post(one)
        while (!work.stopped || sent.size > 0) {
          while (!work.stopped && sent.size < window) {
            const one = work.history.send(uuid(), who.key)
            sent.set(one.id, one)
            post(one)
          }
          while (sent.size > 0) yield* answered
          yield* Effect.sleep(work.pause)
        }
      })
      yield* Effect.raceFirst(life, Effect.flatMap(client.closed, () => Effect.fail(0)))
    })
    // Whatever ended it, a new connection is made until the work is done.
    return Effect.scoped(connection).pipe(
      Effect.tapError(() => Effect.sleep("20 millis")),
      Effect.eventually
    )
  })

/** Takes in an answer to one of these messages. */
const note = ({ history }: Work, waiting: Map<string, Sent>, { payload, type }: Received): void => {
  const sent = waiting.get(String(payload["ref_id"]))
  if (sent === undefined) return
  waiting.delete(sent.id)
  if (type === "receipt") history.acknowledge(sent, Number(payload["seq"]))
  else sent.outcome = "refused"
}
