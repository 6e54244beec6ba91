/** What a client is told when the disk, the code of a kind, or nothing at all fails (SEC22). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, References } from "effect"
import { ErrorCode, reject } from "../../src/domain/Rejection.ts"
import { type AnyKind, refuse } from "../../src/domain/Topic.ts"
import * as Counter from "../support/Counter.ts"
import { generous } from "../support/Members.ts"
import { type Client, open, person, prove, type Received, signIn, uuid } from "../support/People.ts"
import { clean } from "../support/Refusals.ts"
import { start } from "../support/ServerProcess.ts"
import * as SmallDisk from "../support/SmallDisk.ts"
import { socketOf, whole } from "../support/Whole.ts"

const enter = Effect.fnUntraced(function*(url: string) {
  const client = yield* open(socketOf(url))
  yield* signIn(client, person())
  return client
})

/** Sends, and gives the answer; what else arrives before it is dropped. */
const ask = Effect.fnUntraced(function*(client: Client, type: string, payload: object, topic?: string, id = uuid()) {
  client.send(type, payload, topic, { id })
  return yield* Effect.repeat(client.next, { until: ({ payload }) => payload["ref_id"] === id })
})

/** Says what nobody should read. */
const die = (): never => {
  throw new TypeError(`canary: cannot read properties of undefined at decide (${import.meta.filename}:1:1)`)
}

const counter: AnyKind = Counter.kind

/** Each dies in another of its functions. */
const broken: ReadonlyArray<AnyKind> = [
  { ...counter, name: "initial", initial: die },
  { ...counter, name: "decide", decide: die },
  { ...counter, name: "evolve", evolve: die },
  { ...counter, name: "pending", pending: die },
  { ...counter, name: "wake", nextWake: die },
  { ...counter, name: "reader", canRead: die },
  { ...counter, name: "listing", listing: die }
]

/** Refuses with the code whose place in the table is the end of the command's id. */
const refusing: AnyKind = {
  ...counter,
  name: "refusing",
  decide: (_state, _input, { id }) => refuse(reject(ErrorCode.literals[Number(id.slice(-2))]!, "TOP8", "no"))
}

const tiny = SmallDisk.mayMount()

describe("errors", () => {
  it.live.skipIf(!tiny)(
    `[SEC22] [FLT3] of a full disk tell of no file${tiny ? "" : ": skipped, no file system may be mounted here"}`,
    () =>
      Effect.gen(function*() {
        const data = yield* SmallDisk.folder("8m")
        const { url } = yield* start({ data, main: "src/main.ts", env: generous })
        const client = yield* enter(url)
        const founding = uuid()
        assert.strictEqual((yield* ask(client, "create_thread", { name: "Mine" }, undefined, founding)).type, "receipt")
        assert.strictEqual((yield* ask(client, "join_room", {}, "room:full")).type, "receipt")
        const giveBack = yield* SmallDisk.fill(data)
        const long = "x".repeat(8_000)
        // Pages that are there already still take something.
        const heard = [
          yield* Effect.repeat(ask(client, "send_message", { content: long }, "room:full"), {
            until: ({ type }) => type === "error"
          }),
          yield* ask(client, "create_thread", { name: "Another" }),
          yield* ask(client, "submit_message", { content: long }, `thread:${founding}`),
          yield* ask(client, "submit_prompt", { prompt: long }, `thread:${founding}`),
          yield* ask(client, "join_room", {}, "room:other"),
          (yield* prove(yield* open(socketOf(url)), person())).answer
        ]
        assert.isTrue(heard.every(({ type }) => type === "error"))
        assert.deepStrictEqual(clean(heard), new Set(["unavailable"]))
        yield* giveBack
      })
  )

  it.live("[SEC22] [FLT25] of a kind that dies tell nothing of where and why", () =>
    Effect.gen(function*() {
      const client = yield* enter(yield* whole({}, { kinds: [...broken, counter] }))
      const heard: Array<Received> = []
      for (const { name } of broken) {
        for (const type of ["subscribe", "nothing", "die_deriving", "unsubscribe"]) {
          heard.push(yield* ask(client, type, {}, `${name}:x`))
        }
      }
      // Where it cannot be asked who may read, nobody may.
      assert.deepStrictEqual(clean(heard), new Set(["internal", "not_found"]))
      assert.strictEqual((yield* ask(client, "add", { n: 1 }, "counter:x")).type, "receipt")
    }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))

  it.live("[SEC22] [TOP8] of a kind of one's own may have any code of the table", () =>
    Effect.gen(function*() {
      const client = yield* enter(yield* whole({}, { kinds: [refusing] }))
      for (const [n, code] of ErrorCode.literals.entries()) {
        const id = uuid().slice(0, -2) + String(n).padStart(2, "0")
        const { payload } = yield* ask(client, "nothing", {}, "refusing:x", id)
        assert.deepInclude(payload, { code, message: "no", rule: "TOP8" })
      }
    }).pipe(Effect.scoped))
})
