/**
 * The limits of docs/SPEC.md with their defaults. Each is a setting (`CHOIR_*`); reducers receive the limits they need
 * as arguments. Does not own the limits of a kind, which are constants beside its rules.
 */

/** Times are milliseconds, sizes bytes. */
export const defaults = {
  /** AUT1: the lifetime of a challenge. */
  challengeTtl: 60_000,
  /** AUT2: the lifetime of a session token, and the grace period in which a rotated one still resumes. */
  sessionTtl: 15 * 60_000,
  sessionGrace: 25_000,
  /** AUT3: time, frames and bytes before authentication. */
  authTimeout: 10_000,
  authFrames: 16,
  authBytes: 65_536,
  /** SEC26: failed signatures before the connection is closed. */
  authTries: 5,
  /** SEC26: signatures and tokens checked per address and minute, and the burst. */
  authPerMinute: 120,
  authBurst: 64,
  /** CON3: how long a peer may be silent before a ping, and how long it has for the pong. */
  pingInterval: 30_000,
  pongTimeout: 5_000,
  /** CON4: the size of a frame, and malformed frames before the close. SEC16: nesting, and keys of one object. */
  frameBytes: 65_536,
  malformedFrames: 16,
  depth: 32,
  keys: 256,
  /** CON5: how long a dropped connection can be resumed with its subscriptions. */
  resumeWindow: 120_000,
  /** CON7: messages per minute and the burst; signals per second. */
  messagesPerMinute: 100,
  messageBurst: 20,
  signalsPerSecond: 30,
  /** SEC25: messages that a prompt counts as; what the budget lacks is a debt. */
  promptCost: 20,
  /** SEC29: runs of the Chorus per key, per address and in total on one day (UTC). */
  runsPerUser: 200,
  runsPerAddress: 1_000,
  runsPerDay: 5_000,
  /** SEC29: characters that models are sent, per key and in total on one day (UTC). */
  promptCharactersPerUser: 20_000_000,
  promptCharactersPerDay: 200_000_000,
  /** SEC29: calls of language models at the same time; more wait. */
  modelCalls: 16,
  /** LED3: grants of tokens to new keys, per address and in total on one day (UTC). */
  grantsPerAddress: 50,
  grantsPerDay: 10_000,
  /** ROO3: the size of a signal's message, and the keys of one connection on one topic. */
  signalBytes: 4_096,
  signalKeys: 16,
  /** Subscriptions and queries have their own budget: a client that reconnects subscribes to all its topics at once. */
  readsPerMinute: 600,
  readBurst: 160,
  /** CON7: bytes of the replies to them per user and minute, and the burst. */
  readBytesPerMinute: 67_108_864,
  readBytesBurst: 134_217_728,
  /** Consecutive `rate_limited` errors before the connection is closed with 4429. */
  rateStrikes: 64,
  /** CON8: queued bytes above which frames are coalesced, and above which the connection is closed. */
  outboxFold: 262_144,
  outboxMax: 1_048_576,
  /** CON8: bytes that all peers together have not read, above which the slowest are closed; what they share counts once. */
  outboxTotal: 268_435_456,
  /** SYN2: the most events in the reply to a subscription; beyond it, a snapshot. */
  catchUp: 300,
  /** SYN7: a delta that passes a multiple of this many events carries the hash of the state. */
  hashEvery: 16,
  /** SYN11: the time over which closes are spread, and the time until the process exits. */
  drainSpread: 20_000,
  drainCap: 30_000,
  /** SYN12: subscriptions of one connection. */
  subscriptions: 128,
  /** SEC25: commands of one connection without a reply. */
  inFlight: 32,
  /** SEC24: connections in total, per address and per key. */
  connections: 20_000,
  connectionsPerAddress: 64,
  connectionsPerUser: 16,
  /** ROO2: the shortest time between presence frames. ROO3: the lifetime of a cursor. */
  presenceCoalesce: 100,
  cursorTtl: 30_000,
  /** SEC23: the time for the headers of a request, and for all of it. SEC28: the size of a body. */
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  bodyBytes: 1_048_576,
  /** TOP7: events between snapshots. ROO8: idle time before a topic is passivated. */
  snapshotEvery: 256,
  passivateAfter: 60_000
} as const

/** A value for each limit. */
export type Limits = { readonly [K in keyof typeof defaults]: number }
