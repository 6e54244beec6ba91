import { assert, it } from "@effect/vitest"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

it("[AUT1][AUT3][CON3][CON4][CON5][CON8][SYN2][SYN7][SYN11][SYN12][ROO3][SEC12][SEC24][SEC28] the defaults are those of the rules", () => {
  assert.deepInclude(defaults, {
    challengeTtl: 60_000,
    authTimeout: 10_000,
    authFrames: 16,
    authBytes: 65_536,
    pingInterval: 30_000,
    pongTimeout: 5_000,
    frameBytes: 65_536,
    malformedFrames: 16,
    resumeWindow: 120_000,
    outboxFold: 262_144,
    outboxMax: 1_048_576,
    catchUp: 300,
    hashEvery: 16,
    drainSpread: 20_000,
    drainCap: 30_000,
    subscriptions: 128,
    cursorTtl: 30_000,
    connectionsPerAddress: 64,
    connectionsPerUser: 16,
    bodyBytes: 1_048_576
  })
})
