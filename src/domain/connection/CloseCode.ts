/**
 * WebSocket close codes (CON6). The range is the instruction: from 4000 a
 * client may come back, from 4500 it must not; below 4000 the meanings of RFC
 * 6455 and the IANA registry hold.
 */

export const closeCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidText: 1007,
  tooLarge: 1009,
  internal: 1011,
  /** Drain: the server restarts; come back after the delay in `goodbye`. */
  restart: 1012,
  /** Overload: come back after at least ten seconds. */
  overload: 1013,
  slowConsumer: 4008,
  insufficientState: 4010,
  noPong: 4012,
  stateReset: 4014,
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

export type CloseCode = typeof closeCode[keyof typeof closeCode]

/** Whether a client that was closed with `code` may connect again. */
export const mayReconnect = (code: number): boolean =>
  code >= 4000
    ? code < 4500
    : code === closeCode.goingAway || code === closeCode.internal || code === closeCode.restart ||
      code === closeCode.overload || code === 1005 || code === 1006
