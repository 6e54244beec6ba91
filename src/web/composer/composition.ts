/** Converts a composed text to the command to send, or to the reason why it cannot be sent. Pure. */
import { defaults } from "../../domain/protocol/Limits.ts"
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import type { CommandInput } from "../../domain/thread/ThreadModel.ts"
import { isVisible, maxContentBytes, utf8ByteLength } from "../../domain/topic/MessageContent.ts"
import { type Draft, emptyDraft } from "../storage/savedText.ts"

/** The content of the composer, and what is known about its author. */
export interface Composition extends Draft {
  /** Co-authors publish and ask; others make submissions with a stake. */
  readonly isCoAuthor: boolean
  /** The author's tokens; undefined if they are not known. */
  readonly balance: number | undefined
}

/** Why a composition cannot be sent. */
export type CompositionProblem =
  | { readonly _tag: "Empty" }
  | { readonly _tag: "BrokenCharacter" }
  | { readonly _tag: "TooLarge"; readonly bytes: number; readonly limit: number }
  /** Its JSON is too large for a frame: the server closes a connection that sends one. */
  | { readonly _tag: "TooManyEscapes" }
  | { readonly _tag: "StakeTooSmall"; readonly minimum: number }
  | { readonly _tag: "StakeAboveBalance"; readonly stake: number; readonly balance: number }

/** `@Chorus` at the beginning of a text, also repeated, with the white space and the mark behind it. */
const mention = /^(?:\s*@chorus(?:[,:]|(?=\s|$)))+\s*/i

/** Whether a text begins with `@Chorus`. */
export const mentionsChorus = (text: string): boolean => mention.test(text)

/** The text without `@Chorus` at its beginning. */
export const withoutMention = (text: string): string => text.replace(mention, "")

/** Whether a composition is a question: only co-authors ask the Chorus. */
export const isQuestion = ({ isAsking, isCoAuthor, text }: Composition): boolean =>
  isCoAuthor && (isAsking || mentionsChorus(text))

/** The text that others get. */
const sentText = (composition: Composition): string =>
  isQuestion(composition) ? withoutMention(composition.text) : composition.text

/** Bytes of a frame for the envelope around a text. */
const envelopeBytes = 1_024

const textProblem = (text: string): CompositionProblem | undefined => {
  if (!isVisible(text)) return { _tag: "Empty" }
  if (!text.isWellFormed()) return { _tag: "BrokenCharacter" }
  const bytes = utf8ByteLength(text)
  if (bytes > maxContentBytes) return { _tag: "TooLarge", bytes, limit: maxContentBytes }
  return utf8ByteLength(JSON.stringify(text)) > defaults.frameBytes - envelopeBytes
    ? { _tag: "TooManyEscapes" }
    : undefined
}

/** Why a composition's stake cannot be sent; undefined if it can, or if it needs none. */
export const stakeProblem = (
  { balance, isCoAuthor, stake: text }: Pick<Composition, "balance" | "isCoAuthor" | "stake">
): CompositionProblem | undefined => {
  if (isCoAuthor) return undefined
  const stake = Number(text)
  if (!Number.isSafeInteger(stake) || stake < threadLimits.minimumStake) {
    return { _tag: "StakeTooSmall", minimum: threadLimits.minimumStake }
  }
  return balance !== undefined && stake > balance ? { _tag: "StakeAboveBalance", stake, balance } : undefined
}

/** Why a composition cannot be sent; undefined if it can. */
export const compositionProblem = (composition: Composition): CompositionProblem | undefined =>
  textProblem(sentText(composition)) ?? stakeProblem(composition)

/** The command of a composition: a prompt, a message, or a submission with a stake. */
export const compositionCommand = (composition: Composition): CommandInput => {
  const text = sentText(composition)
  if (isQuestion(composition)) return { _tag: "submit_prompt", prompt: text }
  return composition.isCoAuthor
    ? { _tag: "submit_message", content: text }
    : { _tag: "submit_message", content: text, stake: Number(composition.stake) }
}

/** The draft that makes a command again; undefined for a command without a text. */
export const draftOfCommand = (command: CommandInput): Draft | undefined => {
  if (command._tag === "submit_prompt") return { ...emptyDraft, text: command.prompt, isAsking: true }
  if (command._tag !== "submit_message") return undefined
  return { text: command.content, isAsking: false, stake: String(command.stake ?? emptyDraft.stake) }
}
