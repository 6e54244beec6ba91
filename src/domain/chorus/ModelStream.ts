/** Limits of a model's streamed answer: how long it may be silent, and how long it may become (FLT14, FLT15, SEC32). */
import { Duration } from "effect"

/** The limits of a streamed answer. */
export interface StreamLimits {
  /** Until the first part of the answer. */
  readonly firstTokenTimeout: Duration.Duration
  /** Between two parts. */
  readonly idleTimeout: Duration.Duration
  /** Of the text, in UTF-16 units. */
  readonly maxTextLength: number
}

/** The limits unless a model is given others. */
export const defaultStreamLimits: StreamLimits = {
  firstTokenTimeout: Duration.seconds(60),
  idleTimeout: Duration.seconds(60),
  maxTextLength: 262_144
}

/** The progress of an answer. */
export interface StreamProgress {
  readonly hasStarted: boolean
  readonly textLength: number
}

/** Nothing has been received. */
export const notStarted: StreamProgress = { hasStarted: false, textLength: 0 }

/** How long to wait for the next part: before the first one (FLT14), or in the middle of the stream (FLT15). */
export const nextTimeout = ({ hasStarted }: StreamProgress, limits: StreamLimits): Duration.Duration =>
  hasStarted ? limits.idleTimeout : limits.firstTokenTimeout

/** SEC32: the progress after a part of `length` units; undefined if the answer has become too long. */
export const receivePart = (
  { textLength }: StreamProgress,
  length: number,
  { maxTextLength }: StreamLimits
): StreamProgress | undefined =>
  textLength + length > maxTextLength ? undefined : { hasStarted: true, textLength: textLength + length }
