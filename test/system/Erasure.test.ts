/**
 * TOP10, end to end: a random text is planted in every field that people can fill, used in every way there is, and erased.
 * Afterwards no byte of it is left: in the data folder, in what clients hold, or in what the server sends.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schedule, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Client, Keys } from "../../src/client/index.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { plain } from "../../src/domain/topic/SealedText.ts"
import type { Kind } from "../../src/domain/topic/Topic.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"
import { unlimitedBudgets } from "../support/RoomClients.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

/** A sentence with a random word in it: what must vanish is the word. */
const plant = (name: string) => {
  const word = `secret${randomBytes(12).toString("hex")}`
  return { name, word, text: `The ${name} of the green tea is ${word} at eighty degrees` }
}

/** Every form in which a file may hold a text. */
const formsOf = (word: string): ReadonlyArray<Buffer> => {
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from("x".repeat(shift) + word).toString("base64")
    return Buffer.from(encoded.slice(shift === 0 ? 0 : 4, -4))
  })
  const utf8 = [word, word.toLowerCase(), word.toUpperCase()].map((form) => Buffer.from(form))
  return [...utf8, Buffer.from(word, "utf16le"), Buffer.from(word, "utf16le").swap16(), ...base64]
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({ name: entry.name, bytes: readFileSync(join(entry.parentPath, entry.name)) }))

/** The planted words that a folder's files hold, with the names of the files. */
const leftIn = (folder: string, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  filesIn(folder).flatMap(({ bytes, name }) =>
    words.filter((word) => formsOf(word).some((form) => bytes.includes(form))).map((word) => `${word} in ${name}`)
  )

const connect = Effect.fnUntraced(function*(url: string) {
  const identity = yield* Keys.fromSecret(yield* Keys.generateSecret)
  return yield* Client.make({ url, identity, kinds: [threadKind, roomKind] })
})

const awaitView = <S>(topic: Client.Topic<S, never>, condition: (state: S) => boolean) =>
  topic.views.pipe(
    Stream.filter((view) => view.position !== undefined && condition(view.confirmed)),
    Stream.runHead,
    Effect.map((view) => Option.getOrThrow(view).confirmed)
  )

describe("erasing", () => {
  it.live(
    "[TOP10] leaves no byte of a text that was planted everywhere and used in every way",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const folder = yield* temporaryFolder
        const url = yield* startInProcessServer({ CHOIR_DATA: folder, ...unlimitedBudgets })
        const alice = yield* connect(url)
        const bob = yield* connect(url)
        const names = [
          "title",
          "message",
          "import",
          "source",
          "prompt",
          "submission",
          "pending",
          "note",
          "entry",
          "payload",
          "reason"
        ]
        const planted = new Map(names.map((name) => [name, plant(name)]))
        const text = (name: string) => planted.get(name)!.text
        const words = [...planted.values()].map(({ word }) => word)
        const topicOf = <
          S,
          C,
          A,
          E,
          I extends { readonly _tag: string; readonly id: string },
          W extends { readonly _tag: string }
        >(
          client: Client.Client,
          kind: Kind<S, C, A, E, I, W>,
          id: string
        ) => client.topic(kind, TopicId.make(id))

        const id = Client.commandId()
        const thread = topicOf(alice, threadKind, `thread:${id}`)
        const asBob = topicOf(bob, threadKind, `thread:${id}`)
        const room = topicOf(alice, roomKind, "room:erasing")
        const received: Array<{ readonly topic: TopicId; readonly seq: number; readonly event: unknown }> = []
        yield* thread.send({ _tag: "create_thread", name: text("title") }, id)
        received.push({ topic: thread.id, seq: 1, event: { _tag: "ThreadCreated" } })
        for (const { id: topic, onEvents } of [thread, room]) {
          onEvents((events) => received.push(...events.map(({ event, seq }) => ({ topic, seq, event }))))
        }
        yield* thread.send({ _tag: "submit_message", content: text("message") })
        yield* thread.send({ _tag: "import_messages", messages: [{ content: text("import"), source: text("source") }] })
        yield* asBob.send({ _tag: "submit_message", content: text("submission") })
        const submissions = yield* awaitView(thread, (state) => state.submissions.length === 1)
        yield* thread.send({
          _tag: "process_approval",
          message_id: submissions.submissions[0]!.id,
          decision: "approve"
        })
        const carol = yield* connect(url)
        yield* topicOf(carol, threadKind, `thread:${id}`).send({ _tag: "submit_message", content: text("pending") })
        yield* awaitView(thread, (state) => state.messages.length === 3 && state.submissions.length === 2)
        yield* thread.send({ _tag: "submit_prompt", prompt: text("prompt") })
        yield* awaitView(thread, (state) => state.runs[0]?.status === "yielded")

        // Another thread, whose answer cites the first.
        const otherId = Client.commandId()
        const other = topicOf(bob, threadKind, `thread:${otherId}`)
        yield* other.send({ _tag: "create_thread", name: "Another thread" }, otherId)
        yield* other.send({ _tag: "submit_prompt", prompt: "What is the message of the green tea at eighty degrees?" })
        const answered = yield* awaitView(other, (state) => state.runs[0]?.status === "yielded")
        const found = JSON.stringify(
          answered.runs[0]!.steps.map(({ output }) => output._tag === "experience" ? output.priors : [])
        )
        assert.include(found, `thread:${id}`)

        yield* room.send({ _tag: "join_room" })
        yield* room.send({ _tag: "send_message", content: { note: text("note") } })
        yield* room.send({ _tag: "set_entry", key: "k", value: text("entry") })
        yield* room.send({ _tag: "schedule_event", event_type: "later", payload: [text("payload")], delay_ms: 10 })
        yield* awaitView(room, (state) => state.version > 4 && state.scheduled.length === 0)

        const wordsIn = (state: unknown) => words.filter((word) => JSON.stringify(plain(state)).includes(word))
        assert.isAbove(leftIn(folder, words).length, 8)
        assert.isAbove(wordsIn(yield* awaitView(thread, () => true)).length, 5)
        assert.isAbove(wordsIn(yield* awaitView(other, () => true)).length, 0)

        // Everybody erases their own words, and then their reasons for that.
        const authors = new Map([[
          alice,
          /ThreadCreated|MessagePublished|PromptSubmitted|MessageSent|EntrySet|EventScheduled/
        ]])
        const eraseWhere = Effect.fnUntraced(function*(
          client: Client.Client,
          isOwn: (event: { readonly _tag: string; readonly by?: string; readonly author?: string }) => boolean,
          reason: string | undefined
        ) {
          for (const { event, seq, topic } of received.slice()) {
            if (!isOwn(event as { readonly _tag: string })) continue
            const command = { _tag: "erase", seq, ...(reason === undefined ? undefined : { reason }) } as const
            yield* topic.startsWith("room:")
              ? topicOf(client, roomKind, topic).send(command)
              : topicOf(client, threadKind, topic).send(command)
          }
        })
        yield* eraseWhere(alice, ({ _tag }) => authors.get(alice)!.test(_tag), text("reason"))
        for (const client of [bob, carol]) {
          yield* eraseWhere(client, ({ _tag, author }) =>
            _tag === "SubmissionOpened" && author === client.me, text("reason"))
        }
        yield* awaitView(thread, (state) =>
          state.submissions.every(({ content }) =>
            content.text === null
          ))
        for (const client of [alice, bob, carol]) {
          yield* eraseWhere(client, ({ _tag, by }) => _tag === "Erased" && by === client.me, undefined)
        }

        // The files, as soon as the server has finished.
        const left = yield* Effect.repeat(Effect.sync(() => leftIn(folder, words)), {
          until: (left) => left.length === 0,
          schedule: Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(200)])
        }).pipe(Effect.orElseSucceed(() => []), Effect.andThen(Effect.sync(() => leftIn(folder, words))))
        assert.deepStrictEqual(left, [])
        // What clients hold: those that were there, and one that comes now.
        const dave = yield* connect(url)
        for (const client of [alice, bob, carol, dave]) {
          for (const topic of [`thread:${id}`, `thread:${otherId}`]) {
            const view = yield* awaitView(topicOf(client, threadKind, topic), (state) => state.runs.length > 0)
            assert.deepStrictEqual(wordsIn(view), [])
          }
        }
      })),
    60_000
  )
})
