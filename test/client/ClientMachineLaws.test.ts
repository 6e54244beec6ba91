/** Properties of the client's machine under any sequence of operations and faults. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import type { UntimedMessage } from "../../src/client/ClientModel.ts"
import { authorOf } from "../../src/domain/protocol/Principal.ts"
import { type ClientFixture, clientReplica, config, messageContents, onlineFixture } from "./ClientFixture.ts"
import { me, otherUser, topic, uuid } from "./ScriptedServer.ts"

/**
 * An operation or a fault. `LocalPost` is a command of this client, `RemotePost` of another user; `LocalBurst` is more
 * commands than may wait for their answers at once.
 */
const Operation = Schema.Literals([
  "LocalPost",
  "LocalBurst",
  "LocalPostAgain",
  "LocalQuery",
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
/** Mostly posts and deliveries; faults are rarer, so that they meet messages in flight. */
const operations = Arbitrary.schema(Schema.Literals([...Array(8).keys()])).pipe(
  Arbitrary.flatMap((n) =>
    Arbitrary.schema(
      n === 0
        ? Operation
        : Schema.Literals(
          n < 3
            ? ["LocalPost", "LocalQuery", "RemotePost"]
            : ["ServerReceive", "ClientReceive", "ClientReceiveTwice", "Exchange"]
        )
    )
  )
)
// The default sizes of Arbitrary are too small to establish a connection.
const scripts = Arbitrary.array(operations, { minLength: 12, maxLength: 80 })
const manyRuns = { arbitrary: { runs: 200, size: 80 } }

/** Most commands of one budget that wait for an answer (CON7). */
const maxUnanswered = 16

const applyOperation = (fixture: ClientFixture, operation: Operation, n: number): void => {
  switch (operation) {
    case "LocalPost":
      return fixture.submitCommand(n, { _tag: "send_message", content: `mine ${n}` })
    case "LocalBurst":
      for (let i = 0; i < maxUnanswered + 4; i++) {
        fixture.submitCommand(n * 1_000 + i, { _tag: "send_message", content: `burst ${n} ${i}` })
      }
      return undefined
    case "LocalPostAgain":
      return fixture.submitAgain()
    case "LocalQuery":
      return fixture.submitQuery(n)
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

/** Runs a script and checks after each operation; then removes all faults and runs until quiescence. */
const runHistory = (script: ReadonlyArray<Operation>, check: (fixture: ClientFixture) => void): ClientFixture => {
  const fixture = onlineFixture()
  for (const [index, operation] of script.entries()) {
    applyOperation(fixture, operation, 100 + index)
    check(fixture)
  }
  fixture.serverReachable = true
  fixture.runUntilQuiescent()
  // A last event lets the client detect deltas that were lost before.
  fixture.append(uuid(1), otherUser, { _tag: "send_message", content: "last" })
  fixture.runUntilQuiescent()
  check(fixture)
  return fixture
}

const excludingRestore = (script: ReadonlyArray<Operation>) => script.filter((operation) => operation !== "RestoreLog")

describe("ClientMachine under any history", () => {
  it.prop(
    "[SYN2][SYN3][TOP2] a replica is always the fold of a prefix of the log",
    { script: scripts },
    ({ script }) => {
      runHistory(excludingRestore(script), (fixture) => {
        const { confirmed, position } = clientReplica(fixture)
        assert.isAtMost(position?.seq ?? 0, fixture.log.length)
        if (position !== undefined) assert.deepStrictEqual(confirmed, fixture.stateAt(position.seq))
      })
    },
    manyRuns
  )

  it.prop("[SYN7][SYN8] the replica ends equal to the log, also after the log was restored", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(script, () => {})
    assert.deepStrictEqual(clientReplica(fixture).position, fixture.position)
    assert.deepStrictEqual(clientReplica(fixture).confirmed, fixture.stateAt(fixture.log.length))
    assert.isFalse(fixture.intents.some((intent) => intent._tag === "Send" && intent.envelope.type === "desync"))
  }, manyRuns)

  it.prop("[SYN4][SYN5] a command has exactly one outcome and takes effect at most once", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(excludingRestore(script), () => {})
    const given = excludingRestore(script).reduce(
      (count, operation) =>
        count + (operation === "LocalPost" ? 1 : operation === "LocalBurst" ? maxUnanswered + 4 : 0),
      0
    )
    assert.strictEqual(
      [...fixture.outcomes.values()].filter((outcomes) => outcomes.length === 1).length,
      fixture.outcomes.size
    )
    assert.strictEqual(fixture.outcomes.size, given)
    assert.isAtMost(new Set(fixture.receivedIds).size, given)
    const causes = fixture.log.filter((event) => authorOf(event.principal) === me).map((event) => event.cause)
    assert.strictEqual(new Set(causes).size, causes.length)
    for (const [id, [accepted]] of fixture.outcomes) {
      if (accepted) assert.include(causes as ReadonlyArray<string>, id)
    }
  }, manyRuns)

  it.prop("[SYN10] no command is applied twice, and at quiescence the state is the confirmed state", {
    script: scripts
  }, ({ script }) => {
    const fixture = runHistory(excludingRestore(script), (fixture) => {
      const shown = messageContents(clientReplica(fixture).state)
      assert.strictEqual(new Set(shown).size, shown.length)
    })
    assert.deepStrictEqual(fixture.state.outbox, [])
    assert.strictEqual(clientReplica(fixture).state, clientReplica(fixture).confirmed)
  }, manyRuns)

  it.prop(
    "[SYN10] a query has exactly one answer, and is sent once per connection",
    { script: scripts },
    ({ script }) => {
      const fixture = runHistory(script, ({ queryIds }) => {
        assert.strictEqual(new Set(queryIds).size, queryIds.length)
      })
      const submitted = script.flatMap((operation, index) => operation === "LocalQuery" ? [uuid(100 + index)] : [])
      assert.deepStrictEqual([...fixture.answeredQueries].sort(), submitted)
    },
    manyRuns
  )

  it.prop(
    "[CON7] so many commands of one budget wait for an answer, and no more",
    { script: scripts },
    ({ script }) => {
      runHistory(script, ({ unansweredCommands }) => assert.isAtMost(unansweredCommands.size, maxUnanswered))
    },
    manyRuns
  )

  it.prop("[SYN10] what an older socket still says changes nothing", { script: scripts }, ({ script }) => {
    runHistory(script, ({ now: at, socket: current, state }) => {
      for (const socket of [current - 1, state.socketCount + 1]) {
        const goodbye = { type: "goodbye", id: uuid(2), timestamp: at, payload: { code: 4503, reason: "restart" } }
        const unsubscribed = { ...goodbye, type: "unsubscribed", thread_id: topic, payload: { ref_id: null } }
        const messages: ReadonlyArray<UntimedMessage> = [
          { _tag: "SocketOpened", socket },
          { _tag: "FrameReceived", socket, value: goodbye },
          { _tag: "FrameReceived", socket, value: unsubscribed },
          { _tag: "ChallengeSigned", socket, signature: "c2lnbmVk" },
          { _tag: "SigningFailed", socket },
          { _tag: "SocketClosed", socket, code: 1006, random: 0.5 },
          { _tag: "SocketClosed", socket, code: 4401, random: 0.5 }
        ]
        for (const message of messages) {
          assert.deepStrictEqual(ClientMachine.step(config, state, { ...message, at }), [state, []], message._tag)
        }
      }
    })
  }, manyRuns)
})
