/**
 * The errors of a step (CHO6) as tagged errors, and the mapping of each failure of a model to one (FLT17).
 *
 * Messages are for users, and contain no text of a provider.
 */
import { Schema } from "effect"
import { errorFields, type ErrorState } from "./ChorusModel.ts"
import type { MalformedModelOutput } from "./ChorusParse.ts"

/** The model, or its provider, failed. */
export class AIError extends Schema.TaggedError<AIError>()("AIError", errorFields) {}

/** The run has no output of an earlier step that this one requires. */
export class StateError extends Schema.TaggedError<StateError>()("StateError", errorFields) {}

/** The provider cannot be reached, or stopped answering. */
export class NetworkError extends Schema.TaggedError<NetworkError>()("NetworkError", errorFields) {}

/** Why a step failed. */
export const StepError = Schema.Union([AIError, StateError, NetworkError])
export type StepError = typeof StepError.Type

/** The error as the run records it: plain data, without a stack. */
export const toErrorState = ({ _tag, message, retry_after_ms, retryable }: StepError): ErrorState => ({
  _tag,
  message,
  retryable,
  ...(retry_after_ms === undefined ? undefined : { retry_after_ms })
})

/** FLT17: per kind of failure, whether another attempt can succeed, and the message. */
const modelFailures = {
  NetworkError: [true, "the model's provider could not be reached, or stopped answering"],
  RateLimitError: [true, "the model's provider has too much to do"],
  InternalProviderError: [true, "the model's provider failed"],
  InvalidOutputError: [true, "the model's answer could not be read"],
  StructuredOutputError: [true, "the model's answer could not be read"],
  QuotaExhaustedError: [false, "the account with the model's provider is used up"],
  AuthenticationError: [false, "the model's provider does not accept the key"],
  InvalidRequestError: [false, "the model's provider refused the request"],
  ContentPolicyError: [false, "the model's provider refused to answer"],
  UnknownError: [false, "the model's answer could not be read"]
} as const

/** The kinds of failure, named as in `effect/ai`. */
export type ModelFailureKind = keyof typeof modelFailures

const isFailureKind = (kind: string): kind is ModelFailureKind => Object.hasOwn(modelFailures, kind)

/** A longer wait, in milliseconds, is no wait but a mistake of the provider, such as a time: it is ignored. */
const longestRetryAfter = 24 * 60 * 60_000

/**
 * FLT17, FLT14, FLT15: the error that a model's failure is; a timeout is a `NetworkError`. Unknown kinds are not retried.
 * `retryAfter` is the wait in milliseconds that the provider asked for, as it was read: any number.
 */
export const fromModelFailure = (kind: string, retryAfter?: number): StepError => {
  const [retryable, message] = modelFailures[isFailureKind(kind) ? kind : "UnknownError"]
  const isWait = retryAfter !== undefined && retryAfter >= 0 && retryAfter <= longestRetryAfter
  const fields = { message, retryable, ...(isWait ? { retry_after_ms: Math.ceil(retryAfter) } : undefined) }
  return kind === "NetworkError" ? new NetworkError(fields) : new AIError(fields)
}

/** SEC32: an answer that cannot be read is a typed failure; another attempt may give one that can. */
export const fromMalformedOutput = ({ message }: MalformedModelOutput): StepError =>
  new AIError({ message, retryable: true })

/** The answer reached the model's own length limit before its end. */
export const lengthLimitReached = (): StepError =>
  new AIError({ message: "the model's answer was cut short by its length limit", retryable: true })

/** The Chorus itself met a defect. */
export const internalFailure = (): StepError =>
  new AIError({ message: "the Chorus met a defect; the server's log has it", retryable: true })

/** SEC29: a budget of the day is used up; `message` says which, and when to ask again. */
export const overBudget = (message: string): StepError => new AIError({ message, retryable: false })

/** The run has no output of an earlier step. The run is a fold of the log, so that a retry would see the same. */
export const missingStepOutput = (step: string): StepError =>
  new StateError({ message: `the run has no output of its ${step} step`, retryable: false })

/** TOP10: a prior was erased while the run was told of it. The search is made again, without it. */
export const priorErased = (): StepError =>
  new StateError({ message: "a message that was found was erased: the search starts again", retryable: true })
