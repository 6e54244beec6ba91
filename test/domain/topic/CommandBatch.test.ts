import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Author, CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../../src/domain/protocol/Principal.ts"
import type { Rejection } from "../../../src/domain/protocol/Rejection.ts"
import {
  decideBatch,
  type DecidedBatch,
  type DecideInputs,
  type TopicInput
} from "../../../src/domain/topic/CommandBatch.ts"
import type { ProcessedCommand } from "../../../src/domain/topic/Deduplication.ts"
import { type DurableState, replay } from "../../../src/domain/topic/DurableState.ts"
import { isErased } from "../../../src/domain/topic/Erasure.ts"
import * as Log from "../../../src/domain/topic/Log.ts"
import { accept, fold, type Intent, reject } from "../../../src/domain/topic/Topic.ts"
import { noAccessRejection } from "../../../src/domain/topic/TopicAccess.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { sealed } from "../../support/SealedFixture.ts"

const { kind } = CounterKind
const topic = TopicId.make("counter:one")
const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const ben = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const carl = UserId.make("O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik")
const start: DurableState = replay(kind, { epoch: "e", seq: 0, state: kind.initial(topic) }, [])

const inputs: DecideInputs = { now: 7, seed: () => 3, past: undefined, findProcessed: () => undefined }
const command = (id: string, input: CounterKind.Command, author: Author = ada): TopicInput => ({
  id: CommandId.make(id),
  author,
  input
})
const add = (id: string, n: number, author: Author = ada) => command(id, { _tag: "add", n }, author)

const decide = (
  commands: ReadonlyArray<TopicInput>,
  durable = start,
  known: ReadonlyMap<CommandId, ProcessedCommand> = new Map()
): DecidedBatch => decideBatch(kind, topic, durable, commands, { ...inputs, findProcessed: (id) => known.get(id) })

const outcomes = ({ decisions }: DecidedBatch) =>
  decisions.map((decision) => {
    if (decision._tag === "Forward") return `forward to ${decision.topic}`
    const { outcome } = decision
    if (Result.isFailure(outcome)) return outcome.failure.code
    return outcome.success.duplicate ? `first ${outcome.success.seq}` : outcome.success.seq
  })
const totalOf = ({ after }: DecidedBatch) => (after.state as CounterKind.State).total

describe("decideBatch", () => {
  it("[TOP1] decides each command on the state that the ones before it lead to, and changes nothing itself", () => {
    const before = structuredClone(start)
    const decided = decide([add("a", 2), add("b", -3), add("c", -2), add("d", -1)])
    assert.deepStrictEqual(outcomes(decided), [1, "rule_violated", 2, "rule_violated"])
    assert.strictEqual(totalOf(decided), 0)
    assert.deepStrictEqual(start, before)
  })

  it("[TOP1] gives the same batch for the same arguments, and intents as the difference of what is pending", () => {
    const ask = command("q", { _tag: "ask", question: "why" })
    assert.deepStrictEqual(decide([ask]), decide([ask]))
    const pending: ReadonlyArray<Intent> = decide([ask]).after.pending
    assert.deepStrictEqual(pending.map(({ id }) => id), ["q"])
    assert.deepStrictEqual(decide([ask, command("f", { _tag: "forget", id: ask.id })]).after.pending, [])
  })

  it("[TOP1] a batch without an event keeps what was derived from the state before", () => {
    const durable = decide([command("q", { _tag: "ask", question: "why" })]).after
    let derivations = 0
    const counting: typeof kind = { ...kind, pending: (state) => (derivations += 1, kind.pending(state)) }
    const { after } = decideBatch(counting, topic, durable, [command("n", { _tag: "nothing" }), add("b", -9)], inputs)
    assert.deepStrictEqual(after, durable)
    assert.strictEqual(derivations, 0)
    decideBatch(counting, topic, durable, [add("a", 1), add("b", 2)], inputs)
    assert.strictEqual(derivations, 1)
  })

  it("[TOP3] numbers the drafts on from the durable state without a gap", () => {
    const decided = decide([add("a", 1), add("b", -9), command("c", { _tag: "nothing" }), add("d", 1)], {
      ...start,
      seq: 41
    })
    assert.deepStrictEqual(decided.drafts.map(({ seq }) => seq), [42, 43])
    assert.isTrue(Log.isContiguous(topic, 41, decided.drafts))
    assert.strictEqual(decided.after.seq, 43)
  })

  it("[TOP5] records the cause, the principal, the time and the version of each event", () => {
    const [draft] = decide([add("a", 1)]).drafts
    assert.deepInclude(draft, {
      cause: CommandId.make("a"),
      principal: principalOf(ada),
      at: 7,
      version: kind.version,
      topic
    })
  })

  it("[TOP2] leads to the fold of its drafts, for every batch of three commands", () => {
    const numbers = [-2, -1, 0, 1, 2]
    for (const a of numbers) {
      for (const b of numbers) {
        for (const c of numbers) {
          const decided = decide([a, b, c].map((n, i) => add(`c${i}`, n)))
          const events = decided.drafts.map(({ event }) => event as CounterKind.Event)
          assert.deepStrictEqual(decided.after.state, fold(kind, kind.initial(topic), events))
        }
      }
    }
  })

  it("[SYN4] applies an id once: its repeat in the batch or after it gets the first receipt and makes no event", () => {
    const decided = decide([add("a", 2), add("a", 2), add("b", 1)])
    assert.deepStrictEqual(outcomes(decided), [1, "first 1", 2])
    assert.strictEqual(totalOf(decided), 3)
    const again = decide([add("a", 2)], decided.after, decided.processedCommands)
    assert.deepStrictEqual([outcomes(again), again.drafts], [["first 1"], []])
  })

  it("[SYN4] rejects an id that was used for another command or by another author", () => {
    const decided = decide([add("a", 2), add("a", 3), add("a", 2, ben)])
    assert.deepStrictEqual(outcomes(decided), [1, "id_conflict", "id_conflict"])
  })

  it("[SEC9] [AUT4] tells nobody who may not read the topic that an id is used there, but its own author", () => {
    const restricted = { ...kind, creationCommands: new Set(["share"]) }
    const decideFor = (author: Author, n: number) => {
      const [used, ...rest] = decideBatch(restricted, topic, start, [
        command("a", { _tag: "share", readers: [ben] }),
        add("a", n, author)
      ], inputs).decisions
      assert.isTrue(used?._tag === "Reply" && Result.isSuccess(used.outcome))
      const [decision] = rest
      return decision?._tag === "Reply" && Result.isFailure(decision.outcome) && decision.outcome.failure
    }
    assert.strictEqual(decideFor(carl, 2), noAccessRejection)
    assert.strictEqual((decideFor(ben, 2) as Rejection).code, "id_conflict")
    assert.strictEqual((decideFor(ada, 2) as Rejection).code, "id_conflict")
  })

  it("[SYN4] stores a user's command that made no event, and none of the server's", () => {
    const decided = decide([command("n", { _tag: "nothing" }), command("s", { _tag: "nothing" }, "system:x")])
    assert.deepStrictEqual(decided.eventlessCommands.map(({ id }) => id), ["n"])
    assert.deepStrictEqual(decide([add("a", 1), add("b", -9)]).eventlessCommands, [])
  })

  it("[SYN4] [AUT5] stores a command's signature with its first event, and its hash with its last", () => {
    const twoEvents: typeof kind = { ...kind, decide: () => accept({ _tag: "Added", n: 1 }, { _tag: "Added", n: 2 }) }
    const signed = { audience: "a", topic, command: { _tag: "add", n: 1 }, timestamp: 7, signature: "s" }
    const { drafts } = decideBatch(twoEvents, topic, start, [{ ...add("a", 1), signed }], inputs)
    assert.deepStrictEqual(drafts.map((draft) => "signature" in draft), [true, false])
    assert.isUndefined(drafts[0]?.command_hash)
    assert.match(drafts[1]?.command_hash ?? "", /^[0-9a-f]{16}$/)
  })

  it("[TOP10] a text that the batch has erased is not there for its later commands", () => {
    const past = new Map([[1, {
      principal: principalOf(ada),
      event: { _tag: "Said", texts: [sealed("a"), sealed("b")] }
    }]])
    const erase = (id: string, ...paths: ReadonlyArray<string>) => ({
      ...add(id, 1),
      input: { _tag: "erase", seq: 1, ...(paths.length > 0 && { paths }) }
    })
    const commands = [erase("a", "/texts/0"), erase("b", "/texts/0"), erase("c"), erase("d")]
    const decided = decideBatch(kind, topic, start, commands, { ...inputs, past })
    assert.deepStrictEqual(outcomes(decided), [1, "rule_violated", 2, "rule_violated"])
    const paths = decided.drafts.map(({ event }) => isErased(event) ? event.paths : [])
    assert.deepStrictEqual(paths, [["/texts/0"], ["/texts/1"]])
  })

  it("[SYN5] makes exactly one decision per command, in order: a receipt, a rejection, or a forward", () => {
    const other = TopicId.make("counter:two")
    const decided = decide([add("a", 1), add("b", -2), command("c", { _tag: "forward_add", topic: other, n: 1 })])
    assert.deepStrictEqual(outcomes(decided), [1, "rule_violated", "forward to counter:two"])
  })

  it("[TOP8] [FLT25] an event that its schema refuses is not drafted, and rejects its own command only", () => {
    const n = 0.5
    const faulty: typeof kind = {
      ...kind,
      decide: (state, input, context) =>
        input._tag === "nothing"
          ? accept({ _tag: "Added", n: 1 }, { _tag: "Added", n })
          : kind.decide(state, input, context)
    }
    const commands = [add("a", 1), command("f", { _tag: "nothing" }), add("b", 1)]
    const decided = decideBatch(faulty, topic, start, commands, inputs)
    assert.deepStrictEqual(outcomes(decided), [1, "internal", 2])
    assert.deepStrictEqual([totalOf(decided), decided.drafts.length], [2, 2])
    assert.deepInclude(decided.defects[0], { _tag: "SchemaMismatch", kind: "counter", path: "n" })
  })

  it("[THR8] a change that its kind finds faults with is not drafted, and rejects its own command only", () => {
    const strict: typeof kind = { ...kind, validate: ({ new: { total } }) => total > 2 ? ["more than two"] : [] }
    const decided = decideBatch(strict, topic, start, [add("a", 1), add("b", 2), add("c", 1)], inputs)
    assert.deepStrictEqual(outcomes(decided), [1, "rule_violated", 2])
    assert.deepStrictEqual([totalOf(decided), decided.drafts.length], [2, 2])
    assert.isFalse(decided.processedCommands.has(CommandId.make("b")))
    // No request of another topic is lost by a defect: it is tried again.
    assert.deepStrictEqual(
      outcomes(decideBatch(strict, topic, start, [add("d", 3, "system:x")], inputs)),
      ["internal"]
    )
    // The operator sees it as well: it is a defect of the kind.
    assert.include(JSON.stringify(decided.defects), "more than two")
  })

  it("[SEC22] [FLT25] a rejection with a code of its own is a defect of the kind", () => {
    const rejection = { code: "full" as "internal", rule: "R1", message: "no" }
    const faulty: typeof kind = { ...kind, decide: () => reject(rejection) }
    const decided = decideBatch(faulty, topic, start, [add("a", 1)], inputs)
    assert.deepStrictEqual([outcomes(decided), decided.defects.length], [["internal"], 1])
  })

  it("[FLT25] a defect of the kind rejects its own command only, in decide, evolve or pending", () => {
    const dies = (["die_deciding", "die_evolving", "die_deriving"] as const).map((_tag) => command(_tag, { _tag }))
    const decided = decide([add("a", 1), ...dies, add("b", 1)])
    assert.deepStrictEqual(outcomes(decided), [1, "internal", "internal", "internal", 2])
    assert.deepStrictEqual([totalOf(decided), decided.drafts.length, decided.defects.length], [2, 2, 3])
  })
})
