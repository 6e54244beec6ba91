/** Converts a composed text to the command to send, or to the reason why it cannot be sent. Pure. */
import { defaults } from "../../domain/protocol/Limits.ts"
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import type { CommandInput } from "../../domain/thread/ThreadModel.ts"
import { maxContentBytes, utf8ByteLength, validateContent } from "../../domain/topic/MessageContent.ts"
import { formatNumber, formatTokens } from "../language/legacy.ts"

/** The input of the composer's form. */
export interface Composition {
  readonly text: string
  readonly isAsking: boolean
  /** The text of the stake's field; undefined for a co-author, who needs none. */
  readonly stake: string | undefined
  /** The user's tokens; undefined if they are not known. */
  readonly balance: number | undefined
}

/** Bytes of a frame for the envelope around a text. */
const envelopeBytes = 1_024

/** Why a text cannot be sent. Checked here because the server closes a connection that sends too large a frame. */
const textProblem = (text: string): string | undefined => {
  const bytes = utf8ByteLength(text)
  if (bytes > maxContentBytes) {
    return `The message has ${formatNumber(bytes)} bytes; the limit is ${formatNumber(maxContentBytes)}.`
  }
  return utf8ByteLength(JSON.stringify(text)) > defaults.frameBytes - envelopeBytes
    ? "The message has too many special characters. Send it in parts."
    : validateContent(text)
}

const stakeProblem = (stake: number, balance: number | undefined): string | undefined => {
  if (!Number.isSafeInteger(stake) || stake < threadLimits.minimumStake) {
    return `The stake must be a whole number of tokens, at least ${formatNumber(threadLimits.minimumStake)}.`
  }
  return balance !== undefined && stake > balance
    ? `The stake is ${formatTokens(stake)}, and you have ${formatTokens(balance)}.`
    : undefined
}

/** Why a composition cannot be sent; undefined if it can. */
export const compositionProblem = ({ balance, stake, text }: Composition): string | undefined =>
  textProblem(text) ?? (stake === undefined ? undefined : stakeProblem(Number(stake), balance))

/** The command of a composition: a prompt, a message, or a submission with a stake. */
export const compositionCommand = ({ isAsking, stake, text }: Composition): CommandInput => {
  if (isAsking) return { _tag: "submit_prompt", prompt: text }
  return stake === undefined
    ? { _tag: "submit_message", content: text }
    : { _tag: "submit_message", content: text, stake: Number(stake) }
}
