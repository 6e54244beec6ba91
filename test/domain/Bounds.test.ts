/**
 * Every bound of the domain at its edge: one less, the bound itself, one more. A new limit does not compile until it has
 * a row here, or the place where it is held.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Admission from "../../src/domain/admission/Admission.ts"
import * as DailyBudget from "../../src/domain/admission/DailyBudget.ts"
import * as DailyLimits from "../../src/domain/admission/DailyLimits.ts"
import * as TokenBucket from "../../src/domain/admission/TokenBucket.ts"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import * as Connection from "../../src/domain/connection/Connection.ts"
import * as FrameDecoder from "../../src/domain/connection/FrameDecoder.ts"
import { budgetRates } from "../../src/domain/connection/MessageBudget.ts"
import * as BackPressure from "../../src/domain/delivery/BackPressure.ts"
import * as EventStream from "../../src/domain/delivery/EventStream.ts"
import * as Heartbeat from "../../src/domain/delivery/Heartbeat.ts"
import * as ConnectionSignals from "../../src/domain/presence/ConnectionSignals.ts"
import { ConnectionId } from "../../src/domain/protocol/Ids.ts"
import { defaults, type Limits } from "../../src/domain/protocol/Limits.ts"
import { authRate } from "../../src/domain/session/AuthRate.ts"
import { isUnexpired } from "../../src/domain/session/Identity.ts"
import * as SessionLifetime from "../../src/domain/session/SessionLifetime.ts"
import * as SignInAdmission from "../../src/domain/session/SignInAdmission.ts"
import * as CatchUp from "../../src/domain/topic/CatchUp.ts"
import * as Passivation from "../../src/domain/topic/Passivation.ts"
import { passesHashMark } from "../../src/domain/topic/Publication.ts"
import { isSnapshotDue } from "../../src/domain/topic/Snapshots.ts"
import { topicId, userId } from "../support/TopicWorld.ts"
import {
  authenticated,
  challenge,
  controlReceived,
  errorOf,
  frameRejected,
  initial,
  type Message,
  repeat,
  topic
} from "./connection/ConnectionFixture.ts"

/** Whether so much is still allowed under these limits, of which one is `limit`. */
type Allows = (amount: number, limits: Limits, limit: number) => boolean
/** A bound: the ids of its rules, and whether the bound itself is still allowed. */
type Bound = readonly [rules: string, last: "included" | "excluded", allows: Allows]

const runWith = (messages: ReadonlyArray<Message>, limits: Limits = defaults, from = initial): Connection.Transition =>
  messages.reduce<Connection.Transition>(([state], message) => Connection.step(state, message, limits), [from, []])
const staysOpen = (messages: ReadonlyArray<Message>, limits: Limits, from = initial) =>
  runWith(messages, limits, from)[0].status._tag !== "Closed"
/** Whether the last of these messages is not answered with an error. */
const isAccepted = (messages: ReadonlyArray<Message>, limits: Limits, from = authenticated) =>
  errorOf(runWith(messages, limits, from)[1]) === undefined

const heartbeat = controlReceived({ _tag: "heartbeat" })
const badSignature = controlReceived({ _tag: "auth", signature: "A" })
const readUser = controlReceived({ _tag: "get_user" })
const [subscribed] = runWith([controlReceived({ _tag: "subscribe" }, topic)], defaults, authenticated)

const isAdmitted = (total: number, ofAddress: number, limits: Limits) => {
  const request = {
    remoteAddress: "192.0.2.1",
    isEncrypted: false,
    forwardedFor: undefined,
    forwardedProto: undefined,
    host: "127.0.0.1:4100",
    origin: undefined,
    protocols: undefined
  }
  const policy = { origins: [], nativeClients: true, trustedProxies: [] }
  const counts = { total, ofKey: () => ofAddress }
  return typeof Admission.decideAdmission(policy, limits, request, true, counts) !== "string"
}

/** Whether a bucket that is full, or was emptied a minute ago, has so many tokens. */
const hasTokens = (rate: TokenBucket.Rate, tokens: number, emptiedAt?: number) => {
  let bucket = TokenBucket.makeFull(rate, 0)
  if (emptiedAt !== undefined) bucket = TokenBucket.charge(bucket, rate, emptiedAt, rate.burst)
  let wait = 0
  for (let n = 0; n < tokens; n++) ({ bucket, wait } = TokenBucket.take(bucket, rate, 60_000))
  return wait === 0
}
const rateOf = (limits: Limits, budget: string) =>
  budgetRates(limits, builtInKinds).find(([name]) => name === budget)![1]
const burst = (budget: string): Allows => (amount, limits) => hasTokens(rateOf(limits, budget), amount)
const perMinute = (budget: string): Allows => (amount, limits) => hasTokens(rateOf(limits, budget), amount, 0)

const fits = (allowances: (limits: Limits) => ReadonlyArray<DailyBudget.Allowance>): Allows => (amount, limits) =>
  Result.isSuccess(DailyBudget.spend(DailyBudget.nothingSpent, allowances(limits), amount, 0))
const runs = fits((limits) => DailyLimits.runAllowances(userId(0), "192.0.2.1", limits))
const prompts = fits((limits) => DailyLimits.promptAllowances(userId(0), limits))
const grants = fits((limits) => DailyLimits.grantAllowances("192.0.2.1", limits))

const decodesTo = (text: string, limits: Limits) => {
  const decoded = FrameDecoder.makeDecoder(builtInKinds, limits)(text)
  return Result.isSuccess(decoded) ? "accepted" : decoded.failure.code
}
const isStructureAllowed = (json: string, limits: Limits) =>
  FrameDecoder.validateJsonStructure(JSON.parse(json), limits) === undefined

const signalsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    signal: { connection: ConnectionId.make("c"), key: `k${n}`, value: 1 },
    at: 0,
    lane: { _tag: "Ephemeral", topic, key: `k${n}` }
  })) as unknown as ConnectionSignals.ConnectionSignals

/** A limit without a bound of the domain: where it is held, or what it is instead. */
const bounds: Readonly<Record<keyof Limits, Bound | string>> = {
  challengeTtl: [
    "[AUT1]",
    "excluded",
    (age, { challengeTtl }) =>
      isUnexpired({ ...challenge, expires_at: challenge.issued_at + challengeTtl }, challenge.issued_at + age)
  ],
  sessionTtl: [
    "[AUT2]",
    "excluded",
    (age, limits) => SessionLifetime.isResumable(SessionLifetime.expiryOf(0, limits), age, { sessionGrace: 0 })
  ],
  sessionGrace: ["[AUT2]", "excluded", (late, limits) => SessionLifetime.isResumable(0, late, limits)],
  authTimeout: ["[AUT3]", "excluded", (at, limits) => staysOpen([{ _tag: "TimerFired", at }], limits)],
  authFrames: ["[AUT3]", "included", (count, limits) => staysOpen(repeat(count, heartbeat), limits)],
  authBytes: ["[AUT3]", "included", (bytes, limits) => staysOpen([{ ...heartbeat, bytes }], limits)],
  authTries: ["[SEC26]", "excluded", (count, limits) => staysOpen(repeat(count, badSignature), limits)],
  authPerMinute: ["[SEC26]", "included", (count, limits) => hasTokens({ ...authRate(limits), burst: 99 }, count, 0)],
  authBurst: ["[SEC26]", "included", (count, limits) => hasTokens(authRate(limits), count)],
  pingInterval: [
    "[CON3]",
    "excluded",
    (idle, limits) => Heartbeat.checkHeartbeat(0, undefined, idle, limits) !== "ping"
  ],
  pongTimeout: ["[CON3]", "excluded", (silent, limits) => Heartbeat.checkHeartbeat(0, 0, silent, limits) !== "timeout"],
  frameBytes: ["[CON4]", "included", (length, limits) => decodesTo("x".repeat(length), limits) !== "too_large"],
  malformedFrames: [
    "[CON4]",
    "excluded",
    (count, limits) => staysOpen(repeat(count, frameRejected), limits, authenticated)
  ],
  depth: [
    "[SEC16]",
    "included",
    (depth, limits) => isStructureAllowed(`${"[".repeat(depth)}null,0${"]".repeat(depth)}`, limits)
  ],
  keys: [
    "[SEC16]",
    "included",
    (count, limits) =>
      isStructureAllowed(JSON.stringify(Object.fromEntries(repeat(count, 0).map((_, n) => [`k${n}`, n]))), limits)
  ],
  resumeWindow: ["[CON5]", "excluded", (away, limits) => {
    const until = SessionLifetime.holdAfterLoss(0, 0, { ...limits, sessionGrace: 0 })
    return until !== undefined && SessionLifetime.isResumable(until, away, { sessionGrace: 0 })
  }],
  messagesPerMinute: ["[CON7]", "included", perMinute("command")],
  messageBurst: ["[CON7]", "included", burst("command")],
  signalsPerSecond: ["[CON7]", "included", burst("signal")],
  promptCost: "what a prompt takes of a budget; MessageBudget.test",
  runsPerUser: ["[SEC29]", "included", runs],
  runsPerAddress: ["[SEC29]", "included", runs],
  runsPerDay: ["[SEC29]", "included", runs],
  promptCharactersPerUser: ["[SEC29]", "included", prompts],
  promptCharactersPerDay: ["[SEC29]", "included", prompts],
  modelCalls: "permits of a semaphore; layers/chorus/ModelCalls",
  grantsPerAddress: ["[LED3]", "included", grants],
  grantsPerDay: ["[LED3]", "included", grants],
  signalBytes: [
    "[ROO3]",
    "included",
    (bytes, limits) =>
      isAccepted([controlReceived({ _tag: "signal", key: "k", value: 1 }, topic, { bytes })], limits, subscribed)
  ],
  signalKeys: [
    "[ROO3]",
    "included",
    (count, limits) => ConnectionSignals.evictedBy(signalsOf(count - 1), "new", limits) === undefined
  ],
  readsPerMinute: ["[CON7]", "included", perMinute("read")],
  readBurst: ["[CON7]", "included", burst("read")],
  readBytesPerMinute: "the rate of a bucket; layers/gateway/ReadBudget",
  readBytesBurst: "the size of a bucket; layers/gateway/ReadBudget",
  rateStrikes: [
    "[SEC25]",
    "included",
    (count, limits) => staysOpen(repeat(count, { ...readUser, wait: 1 }), limits, authenticated)
  ],
  outboxFold: [
    "[CON8]",
    "included",
    (bytes, limits) =>
      BackPressure.decideFrame("Ephemeral", bytes, false, limits) === "enqueue" &&
      !BackPressure.isBackpressured(bytes, limits)
  ],
  outboxMax: [
    "[CON8]",
    "included",
    (bytes, limits) => !BackPressure.isOverLimit(bytes, 0, limits) && !EventStream.isStreamOverLimit(bytes, 0, limits)
  ],
  outboxTotal: "bytes of the process; layers/delivery/OutboundBudget",
  catchUp: [
    "[SYN2]",
    "included",
    (behind, _limits, limit) =>
      CatchUp.chooseMode({ epoch: "e", seq: 100 - behind }, { epoch: "e", seq: 100 }, limit) === "deltas"
  ],
  hashEvery: ["[SYN7]", "excluded", (seq, _limits, limit) => !passesHashMark(0, seq, limit)],
  drainSpread: "a duration; DrainSchedule.test",
  drainCap: "a duration; layers/gateway",
  subscriptions: [
    "[SYN12]",
    "included",
    (count, limits) =>
      isAccepted(repeat(count, 0).map((_, n) => controlReceived({ _tag: "subscribe" }, topicId(`room:${n}`))), limits)
  ],
  inFlight: ["[SEC25]", "included", (count, limits) => isAccepted(repeat(count, readUser), limits)],
  connections: ["[SEC24]", "included", (count, limits) => isAdmitted(count - 1, 0, limits)],
  connectionsPerAddress: ["[SEC24]", "included", (count, limits) => isAdmitted(0, count - 1, limits)],
  connectionsPerUser: [
    "[SEC24]",
    "included",
    (count, limits) =>
      SignInAdmission.admitSignIn({ epoch: 1, existingEpoch: undefined, connectionCount: count - 1 }, limits) ===
        "Admitted"
  ],
  presenceCoalesce: "a duration; layers/presence/SignalsLocal",
  cursorTtl: ["[ROO3]", "excluded", (age, limits) => age < ConnectionSignals.expiryOf(signalsOf(1)[0]!, limits)],
  headersTimeout: "a duration; RequestPolicies.test",
  requestTimeout: "a duration; RequestPolicies.test",
  bodyBytes: "bytes of a body; RequestPolicies.test",
  snapshotEvery: ["[TOP7]", "excluded", (events, _limits, limit) => !isSnapshotDue(events, 0, limit)],
  passivateAfter: ["[ROO8]", "excluded", (idle, _limits, limit) => !Passivation.isIdle(0, idle, limit)]
}

describe("a limit that is set", () => {
  const limit = 7
  for (const [name, bound] of Object.entries(bounds)) {
    if (typeof bound === "string") continue
    const [rules, last, allows] = bound
    it(`${rules} ${name} is exact`, () => {
      const limits = { ...defaults, [name]: limit }
      assert.deepStrictEqual(
        [limit - 1, limit, limit + 1].map((amount) => allows(amount, limits, limit)),
        [true, last === "included", false]
      )
    })
  }
})
