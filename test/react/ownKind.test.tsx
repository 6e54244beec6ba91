// @vitest-environment node
/** The hooks with a kind of one's own, on a real server: what components show at rest is what the log says. */
import "./WindowInNode.ts"
import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, Context, Effect, Layer, Schema } from "effect"
import type { ReactNode } from "react"
import { WebSocket } from "ws"
import { Client, Keys } from "../../src/client/index.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { makeRejection } from "../../src/domain/protocol/Rejection.ts"
import { stored, written } from "../../src/domain/topic/SealedText.ts"
import { accept, define, reject } from "../../src/domain/topic/Topic.ts"
import { useHistory, usePresence, useSignals, useTopic, useView } from "../../src/react/index.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"
import { changeLive, mount, Tree, waitUntil } from "./Mounted.tsx"

/** A list of notes, of which only its writer takes one off. */
const notes = define({
  name: "notes",
  State: Schema.Struct({ notes: Schema.Array(Schema.Struct({ id: Schema.String, text: stored })) }),
  Command: Schema.TaggedUnion({
    add_note: { text: written(Schema.String) },
    drop_note: { index: Schema.Natural }
  }),
  Event: Schema.TaggedUnion({ NoteAdded: { id: Schema.String, text: stored }, NoteDropped: { id: Schema.String } }),
  initial: () => ({ notes: [] }),
  decide: (state, input, { id }) => {
    switch (input._tag) {
      case "add_note":
        return accept({ _tag: "NoteAdded", id, text: input.text })
      case "drop_note": {
        const note = state.notes[input.index]
        return note === undefined
          ? reject(makeRejection("rule_violated", "TOP8", "there is no such note"))
          : accept({ _tag: "NoteDropped", id: note.id })
      }
      default:
        return accept()
    }
  },
  evolve: (state, event) =>
    event._tag === "NoteAdded"
      ? { notes: [...state.notes, { id: event.id, text: event.text }] }
      : { notes: state.notes.filter(({ id }) => id !== event.id) }
})

/** A server with that kind. */
class NotesServer extends Context.Service<NotesServer, { readonly url: string }>()(
  "choir/test/react/ownKind.test/NotesServer"
) {
  static readonly layer = Layer.effect(
    NotesServer,
    Effect.map(
      startInProcessServer({ CHOIR_MESSAGES_PER_MINUTE: "1000000", CHOIR_MESSAGE_BURST: "1000000" }, { kinds: [notes] }),
      (url) => ({ url })
    )
  )
}

/** A client of the server, as a new user. */
const makeClient = Effect.gen(function*() {
  const { url } = yield* NotesServer
  const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
  return yield* Client.make({ url, identity, kinds: [notes], connect: (url, protocol) => new WebSocket(url, [protocol]) })
})

const Notes = ({ id }: { readonly id: TopicId }): ReactNode =>
  useView(useTopic(notes, id), (view) => JSON.stringify(view?.state))

const Command = Schema.Union([
  Schema.TaggedStruct("add_note", { text: Schema.Literals(["a", "b"]) }),
  Schema.TaggedStruct("drop_note", { index: Schema.Literals([0, 1, 2]) })
])
const script = Arbitrary.array(Arbitrary.schema(Schema.Struct({ by: Schema.Literals([0, 1]), command: Command })), {
  maxLength: 12
})

describe("choir/react with a kind of one's own", () => {
  layer(NotesServer.layer, { excludeTestServices: true })((it) => {
    it.effect.prop(
      "[TOP8] [SYN10] whatever two users send, each shows at rest what the log says",
      { script },
      ({ script }) =>
        Effect.gen(function*() {
          const clients = yield* Effect.all([makeClient, makeClient])
          const id = TopicId.make(`notes:${Client.commandId()}`)
          const pages = yield* Effect.forEach(clients, (client) => mount(<Tree client={client}><Notes id={id} /></Tree>, changeLive))
          const receipts = yield* Effect.forEach(script, ({ by, command }) =>
            clients[by].topic(notes, id).send(command).pipe(
              Effect.match({ onSuccess: ({ seq }) => seq, onFailure: () => 0 })
            ), { concurrency: "unbounded" })
          const seq = Math.max(0, ...receipts)
          const topics = clients.map((client) => Client.plainTopic(client.topic(notes, id)))
          yield* waitUntil(() => {
            for (const topic of topics) assert.strictEqual(topic.view()?.position?.seq, seq)
          })
          const states = topics.map((topic) => JSON.stringify(topic.view()?.confirmed))
          yield* waitUntil(() => assert.deepStrictEqual(pages.map(({ text }) => text()), states))
          assert.strictEqual(states[0], states[1])
        }).pipe(Effect.scoped),
      { arbitrary: { runs: 20 } }
    )

    it.effect("[TOP10] a text that is erased leaves the history of every client", () =>
      Effect.gen(function*() {
        const id = TopicId.make("notes:erased")
        const History = () => JSON.stringify(useHistory(useTopic(notes, id), { limit: 9 }).map(({ event }) => event))
        const [writer, reader] = yield* Effect.all([makeClient, makeClient])
        const page = yield* mount(<Tree client={reader}><History /></Tree>, changeLive)
        yield* waitUntil(() => assert.strictEqual(reader.phase()._tag, "Subscribed"))
        const topic = writer.topic(notes, id)
        const { seq } = yield* topic.send({ _tag: "add_note", text: "my door code" })
        yield* waitUntil(() => assert.include(page.text(), "my door code"))
        yield* topic.send({ _tag: "erase", seq })
        yield* waitUntil(() => assert.include(page.text(), "Erased"))
        assert.include(page.text(), `"text":"[erased]"`)
        assert.notInclude(page.text(), "my door code")
      }).pipe(Effect.scoped))

    it.effect("[ROO2] [ROO3] users and their signals appear on each other's page, and go", () =>
      Effect.gen(function*() {
        const id = TopicId.make("notes:present")
        const Others = () => {
          const topic = useTopic(notes, id)
          const signals = useSignals(topic, "cursor").map(({ from, value }) => `${from}:${String(value)}`)
          return [...usePresence(topic).map(({ user }) => user), ...signals].join()
        }
        const first = yield* makeClient
        const page = yield* mount(<Tree client={first}><Others /></Tree>, changeLive)
        yield* waitUntil(() => assert.strictEqual(page.text(), first.me))
        yield* Effect.scoped(Effect.gen(function*() {
          const second = yield* makeClient
          const other = yield* mount(<Tree client={second}><Others /></Tree>, changeLive)
          yield* waitUntil(() => assert.include(other.text(), first.me))
          yield* changeLive(() => second.topic(notes, id).signal("cursor", "7"))
          yield* waitUntil(() => assert.sameMembers(page.text().split(","), [first.me, second.me, `${second.me}:7`]))
          assert.notInclude(other.text(), ":7")
        }))
        yield* waitUntil(() => assert.strictEqual(page.text(), first.me))
      }).pipe(Effect.scoped))
  })
})
