/** What holds of the client's machine whatever happens to it, in whatever order. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type ClientFixture, clientReplica, onlineFixture, postContents } from "./ClientFixture.ts"
import { me, otherUser, uuid } from "./ScriptedServer.ts"

/** What may happen, in any order; `LocalPost` is ours, `RemotePost` somebody else's. */
const Operation = Schema.Literals([
  "LocalPost",
  "RemotePost",
  "ServerReceive",
  "ClientReceive",
  "ClientReceiveTwice",
  "DropDelta",
  "Exchange",
  "CutConnection",
  "Down",
  "Up",
  "AdvanceTime",
  "RateLimit",
  "Fail",
  "RestoreLog",
  "ShowPage"
])
type Operation = typeof Operation.Type
/** Most of the time people write and messages flow; trouble is rarer, so that it meets something to trouble. */
const operations = Arbitrary.schema(Schema.Literals([...Array(8).keys()])).pipe(
  Arbitrary.flatMap((n) =>
    Arbitrary.schema(
      n === 0
        ? Operation
        : Schema.Literals(
          n < 3 ? ["LocalPost", "RemotePost"] : ["ServerReceive", "ClientReceive", "ClientReceiveTwice", "Exchange"]
        )
    )
  )
)
// Arbitrary's own sizes are so small that hardly a connection comes about.
const scripts = Arbitrary.array(operations, { minLength: 12, maxLength: 80 })
const manyRuns = { arbitrary: { runs: 200, size: 80 } }

const applyOperation = (fixture: ClientFixture, operation: Operation, n: number): void => {
  switch (operation) {
    case "LocalPost":
      return fixture.submitCommand(n, { _tag: "send_message", content: `mine ${n}` })
    case "RemotePost":
      return void fixture.append(uuid(n), otherUser, { _tag: "send_message", content: `theirs ${n}` })
    case "ServerReceive":
      return void fixture.serverReceive()
    case "ClientReceive":
      return void fixture.clientReceive()
    case "ClientReceiveTwice":
      return void fixture.clientReceive(2)
    case "Exchange":
      for (let i = 0; i < 6; i++) if (!fixture.serverReceive()) fixture.clientReceive()
      return undefined
    case "DropDelta":
      return fixture.dropDelta()
    case "CutConnection":
      return fixture.cutConnection()
    case "Down":
      fixture.serverReachable = false
      return fixture.cutConnection()
    case "Up":
      fixture.serverReachable = true
      return undefined
    case "AdvanceTime":
      return fixture.advanceTime(5_000)
    case "RateLimit":
      fixture.nextOutcome = "rate_limited"
      return undefined
    case "Fail":
      fixture.nextOutcome = "unavailable"
      return undefined
    case "RestoreLog":
      return fixture.restoreLog()
    case "ShowPage":
      return fixture.dispatch({ _tag: "PageShown" })
  }
}

/** Plays a script, checking after every step; then lets everything settle. */
const runHistory = (script: ReadonlyArray<Operation>, check: (fixture: ClientFixture) => void): ClientFixture => {
  const fixture = onlineFixture()
  for (const [index, operation] of script.entries()) {
    applyOperation(fixture, operation, 100 + index)
    check(fixture)
  }
  fixture.serverReachable = true
  fixture.runUntilQuiescent()
  // A last word by somebody else makes a client notice what it missed.
  fixture.append(uuid(1), otherUser, { _tag: "send_message", content: "last" })
  fixture.runUntilQuiescent()
  check(fixture)
  return fixture
}

const excludingRestore = (script: ReadonlyArray<Operation>) => script.filter((operation) => operation !== "RestoreLog")

describe("the client's machine, whatever happens", () => {
  it.prop("[SYN2][SYN3][TOP2] a copy is always the fold of a prefix of the log", { script: scripts }, ({ script }) => {
    runHistory(excludingRestore(script), (fixture) => {
      const { confirmed, position } = clientReplica(fixture)
      assert.isAtMost(position?.seq ?? 0, fixture.log.length)
      if (position !== undefined) assert.deepStrictEqual(confirmed, fixture.stateAt(position.seq))
    })
  }, manyRuns)

  it.prop("[SYN7][SYN8] after any history, restored logs included, the copy ends as the log does", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(script, () => {})
    assert.deepStrictEqual(clientReplica(fixture).position, fixture.position)
    assert.deepStrictEqual(clientReplica(fixture).confirmed, fixture.stateAt(fixture.log.length))
    assert.isFalse(fixture.intents.some((intent) => intent._tag === "Send" && intent.envelope.type === "desync"))
  }, manyRuns)

  it.prop("[SYN4][SYN5] a command keeps its id until its one outcome, and is carried out at most once", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(excludingRestore(script), () => {})
    const given = script.flatMap((operation, index) => operation === "LocalPost" ? [index] : []).length
    assert.strictEqual(
      [...fixture.outcomes.values()].filter((outcomes) => outcomes.length === 1).length,
      fixture.outcomes.size
    )
    assert.strictEqual(
      fixture.outcomes.size,
      excludingRestore(script).filter((operation) => operation === "LocalPost").length
    )
    assert.isAtMost(new Set(fixture.receivedIds).size, given)
    const causes = fixture.log.filter((event) => event.author === me).map((event) => event.cause)
    assert.strictEqual(new Set(causes).size, causes.length)
    for (const [id, [accepted]] of fixture.outcomes) {
      if (accepted) assert.include(causes as ReadonlyArray<string>, id)
    }
  }, manyRuns)

  it.prop("[SYN10] nothing expected is shown twice, and once all is decided only the decided is shown", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(excludingRestore(script), (fixture) => {
      const shown = postContents(clientReplica(fixture).state)
      assert.strictEqual(new Set(shown).size, shown.length)
    })
    assert.deepStrictEqual(fixture.state.outbox, [])
    assert.strictEqual(clientReplica(fixture).state, clientReplica(fixture).confirmed)
  }, manyRuns)
})
