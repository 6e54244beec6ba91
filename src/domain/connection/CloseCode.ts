/**
 * WebSocket close codes (CON6). The range is an instruction: after 4000 to 4499 it may reconnect, after 4500 to
 * 4999 it must not. Below 4000 the meanings of RFC 6455 and of the IANA registry apply.
 */

/** Every code with which the server closes a connection. */
export const closeCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidText: 1007,
  tooLarge: 1009,
  internal: 1011,
  /** Drain: the server restarts; reconnect after the delay in `goodbye`. */
  restart: 1012,
  /** Overload: reconnect after at least ten seconds. */
  overload: 1013,
  slowConsumer: 4008,
  insufficientState: 4010,
  noPong: 4012,
  stateReset: 4014,
  /** The session was revoked because a token of it was shown after it had been replaced: sign in again. */
  sessionReused: 4401,
  authTimeout: 4408,
  rateLimited: 4429,
  unauthenticated: 4501,
  forcedOut: 4503,
  connectionLimit: 4504,
  forbidden: 4507,
  tooManyErrors: 4509,
  unsupportedVersion: 4510,
  replaced: 4511
} as const

/** One of the codes. */
export type CloseCode = typeof closeCode[keyof typeof closeCode]

/** CON6: whether a client whose connection was closed with `code` may reconnect. */
export const mayReconnect = (code: number): boolean =>
  code >= 4000
    ? code < 4500
    : code === closeCode.goingAway || code === closeCode.internal || code === closeCode.restart ||
      code === closeCode.overload || code === 1005 || code === 1006
