/**
 * Every number the rules speak of, with the default of docs/SPEC.md. Times are
 * milliseconds, sizes bytes. Each is a setting (`CHOIR_*`); reducers get the
 * ones they need as arguments.
 */

export const defaults = {
  /** AUT1: how long a challenge lives. */
  challengeTtl: 60_000,
  /** AUT2: how long a session token lives, and for how long after that it still resumes. */
  sessionTtl: 15 * 60_000,
  sessionGrace: 25_000,
  /** AUT3: before authentication. */
  authTimeout: 10_000,
  authFrames: 16,
  authBytes: 65_536,
  /** Failed signatures on one connection before it is closed. */
  authTries: 5,
  /** Proofs and tokens checked for one address: a minute, and at once. */
  authPerMinute: 120,
  authBurst: 64,
  /** CON3 */
  pingInterval: 30_000,
  pongTimeout: 5_000,
  /** CON4 */
  frameBytes: 65_536,
  malformedFrames: 16,
  depth: 32,
  keys: 256,
  /** CON5: how long a dropped session can be resumed with its subscriptions. */
  resumeWindow: 120_000,
  /** CON7: messages a minute and the burst; signals a second. */
  messagesPerMinute: 100,
  messageBurst: 20,
  signalsPerSecond: 30,
  /** A signal's message, and the keys one connection may show on one topic. */
  signalBytes: 4_096,
  signalKeys: 16,
  /** Subscriptions and look-ups have a lane of their own: a client that comes back asks for all its topics at once. */
  readsPerMinute: 600,
  readBurst: 160,
  /** Refusals in a row for going too fast before the connection is closed (4429). */
  rateStrikes: 64,
  /** CON8 */
  outboxFold: 262_144,
  outboxMax: 1_048_576,
  /** SYN2: deltas in one subscribe reply, else a snapshot. */
  catchUp: 300,
  /** SYN7: a delta that takes a topic past a multiple of this many events carries the hash of the state. */
  hashEvery: 16,
  /** SYN11 */
  drainSpread: 20_000,
  drainCap: 30_000,
  /** SYN12 */
  subscriptions: 128,
  /** Commands of one connection that have no outcome yet. */
  inFlight: 32,
  /** Connections: in all, per address, per key. */
  connections: 20_000,
  connectionsPerAddress: 64,
  connectionsPerUser: 16,
  /** ROO2, ROO3 */
  presenceCoalesce: 100,
  cursorTtl: 30_000,
  /** SEC23: how long a client may take to send a request's headers, and all of it. SEC28: and how large its body may be. */
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  bodyBytes: 1_048_576,
  /** TOP7: events between snapshots. ROO8: idle time before a topic leaves memory. */
  snapshotEvery: 256,
  passivateAfter: 60_000
} as const

export type Limits = { readonly [K in keyof typeof defaults]: number }
