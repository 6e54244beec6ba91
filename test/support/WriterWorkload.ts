/**
 * A closed-loop workload of writers in a room that record every outcome: over the client library, which retries until the
 * outcome is known, and over raw sockets, where an outcome may stay unknown.
 */
import { Effect } from "effect"
import { Client } from "../../src/client/index.ts"
import type { TopicId } from "../../src/domain/protocol/Ids.ts"
import type { History, SentCommand } from "./History.ts"
import { socketUrl } from "./InProcessServer.ts"
import type { RoomClient } from "./RoomClients.ts"
import { makeTestUser, openClient, type ReceivedMessage, signIn, uuid } from "./TestUsers.ts"

/** The state that the writers of a test share. */
export interface Workload {
  readonly history: History
  /** Pause after each window of messages, in milliseconds. */
  readonly restMillis: number
  /** Ends the workload: no writer sends another message. */
  stopped: boolean
}

/** Messages in flight per writer. */
const windowSize = 4

/** Writes until the workload is stopped, and then until every outcome is known. */
export const runClientWriter = (member: RoomClient, work: Workload): Effect.Effect<void> =>
  Effect.gen(function*() {
    while (!work.stopped) {
      yield* Effect.forEach(
        Array.from({ length: windowSize }, () => work.history.recordSend(Client.commandId(), member.key)),
        (sent) => sendRecorded(member, work, sent),
        { concurrency: "unbounded", discard: true }
      )
      yield* Effect.sleep(work.restMillis)
    }
  })

/** Sends a recorded command and records its outcome. */
export const sendRecorded = (member: RoomClient, { history }: Workload, sent: SentCommand): Effect.Effect<void> =>
  member.room.send({ _tag: "send_message", content: sent.id }, sent.id).pipe(
    Effect.match({
      onSuccess: ({ seq }) => history.acknowledge(sent, seq),
      onFailure: () => {
        sent.outcome = "rejected"
      }
    })
  )

/**
 * Writes on a raw socket and reconnects when it breaks. Every other unanswered message is retried under its id; the outcome
 * of the rest stays unknown.
 */
export const runSocketWriter = (url: string, topic: TopicId, work: Workload): Effect.Effect<void> =>
  Effect.suspend(() => {
    const user = makeTestUser()
    const joinId = uuid()
    const outstanding = new Map<string, SentCommand>()

    const connection = Effect.gen(function*() {
      const client = yield* openClient(socketUrl(url))
      const sendFrame = (type: string, id: string, payload: object) =>
        client.ws.send(JSON.stringify({ id, type, payload, timestamp: 0, thread_id: topic }))
      const sendMessage = (command: SentCommand) => sendFrame("send_message", command.id, { content: command.id })
      const receiveAnswer = Effect.map(client.next, (message) => recordAnswer(work, outstanding, message))

      const session = Effect.gen(function*() {
        yield* signIn(client, user)
        sendFrame("join_room", joinId, {})
        yield* client.nextOf("receipt")
        const unanswered = [...outstanding.values()]
        for (const [i, one] of unanswered.entries()) if (i % 2 === 0) outstanding.delete(one.id)
        for (const one of outstanding.values()) sendMessage(one)
        while (!work.stopped || outstanding.size > 0) {
          while (!work.stopped && outstanding.size < windowSize) {
            const one = work.history.recordSend(uuid(), user.key)
            outstanding.set(one.id, one)
            sendMessage(one)
          }
          while (outstanding.size > 0) yield* receiveAnswer
          yield* Effect.sleep(work.restMillis)
        }
      })
      yield* Effect.raceFirst(session, Effect.flatMap(client.closed, () => Effect.fail(0)))
    })
    // Reconnects after every failure until the workload has ended.
    return Effect.scoped(connection).pipe(
      Effect.tapError(() => Effect.sleep("20 millis")),
      Effect.eventually
    )
  })

/** Records the answer to an outstanding message. */
const recordAnswer = (
  { history }: Workload,
  outstanding: Map<string, SentCommand>,
  { payload, type }: ReceivedMessage
): void => {
  const command = outstanding.get(String(payload["ref_id"]))
  if (command === undefined) return
  outstanding.delete(command.id)
  if (type === "receipt") history.acknowledge(command, Number(payload["seq"]))
  else command.outcome = "rejected"
}
