/** Limits of a model's streamed answer: how long it may be silent, and how long it may become (FLT14, FLT15, SEC32). */
import { Duration } from "effect"
import * as ReasoningFilter from "./ReasoningFilter.ts"

/** The limits of a streamed answer. */
export interface StreamLimits {
  /** Until the first part of the answer. */
  readonly firstTokenTimeout: Duration.Duration
  /** Between two parts. */
  readonly idleTimeout: Duration.Duration
  /** The longest wait for a part while the endpoint shows signs of life, such as the comments of an event stream. */
  readonly keepAliveLimit: Duration.Duration
  /** Of the answer without its reasoning, in UTF-16 units. */
  readonly maxTextLength: number
}

/** The limits unless a model is given others. */
export const defaultStreamLimits: StreamLimits = {
  firstTokenTimeout: Duration.seconds(60),
  idleTimeout: Duration.seconds(60),
  keepAliveLimit: Duration.minutes(30),
  maxTextLength: 262_144
}

/** The progress of an answer. */
export interface StreamProgress {
  readonly hasStarted: boolean
  readonly text: ReasoningFilter.ReasoningState
}

/** Nothing has been received. */
export const notStarted: StreamProgress = { hasStarted: false, text: ReasoningFilter.initial }

/** How long to wait for the next part: before the first one (FLT14), or in the middle of the stream (FLT15). */
export const nextTimeout = ({ hasStarted }: StreamProgress, limits: StreamLimits): Duration.Duration =>
  hasStarted ? limits.idleTimeout : limits.firstTokenTimeout

/** The wait for a part, in milliseconds of one clock: its beginning, the endpoint's last sign of life, and now. */
export interface PartWait {
  readonly startedAt: number
  readonly lastSignAt: number
  readonly now: number
}

/**
 * FLT14, FLT15: the milliseconds after which the part is overdue if nothing happens; 0 or less if it is. A sign of life
 * starts the timeout anew, within `keepAliveLimit`: an endpoint that only ever says that it is alive is given up.
 */
export const remainingWait = (
  { lastSignAt, now, startedAt }: PartWait,
  timeout: Duration.Duration,
  { keepAliveLimit }: Pick<StreamLimits, "keepAliveLimit">
): number => {
  const silentSince = Math.max(startedAt, lastSignAt)
  const limit = Math.max(Duration.toMillis(timeout), Duration.toMillis(keepAliveLimit))
  return Math.min(silentSince + Duration.toMillis(timeout), startedAt + limit) - now
}

/** SEC32: the progress after a part; undefined if the answer has become too long. Reasoning is not part of the answer. */
export const receivePart = (
  progress: StreamProgress,
  piece: string,
  { maxTextLength }: StreamLimits
): StreamProgress | undefined => {
  const text = ReasoningFilter.append(progress.text, piece)
  return text.answer.length > maxTextLength ? undefined : { hasStarted: true, text }
}
