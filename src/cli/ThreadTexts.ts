/** What was written in a thread, and how a user names what they can erase (TOP10). */
import type { CommandId, Instant, UserId } from "../domain/protocol/Ids.ts"
import type { PlainState } from "../domain/thread/ThreadModel.ts"
import { erasedMark } from "../domain/topic/SealedText.ts"
import { shortId } from "./OpenVotes.ts"
import { toOneLine } from "./Transcript.ts"

/** A message, a submission or a question. */
export interface ThreadText {
  readonly id: CommandId
  /** The event that holds it. */
  readonly seq: number
  readonly author: UserId
  readonly owner?: UserId | undefined
  readonly text: string
  readonly at: Instant
}

/** All of a thread, oldest first; a submission that was approved is a message. */
export const threadTexts = ({ messages, runs, submissions }: PlainState): ReadonlyArray<ThreadText> =>
  [
    ...messages.map(({ at, author, content, id, owner, seq }): ThreadText => ({
      id,
      seq,
      author,
      owner,
      text: content,
      at
    })),
    ...submissions.filter(({ status }) => status !== "approved").map((
      { author, content, id, owner, seq, submitted_at }
    ): ThreadText => ({ id, seq, author, owner, text: content, at: submitted_at })),
    ...runs.map(({ asked_at, asker, owner, prompt, prompt_id, seq }): ThreadText => ({
      id: prompt_id,
      seq,
      author: asker,
      owner,
      text: prompt,
      at: asked_at
    }))
  ].toSorted((a, b) => a.at - b.at)

/** Those that this user can erase: their own, and those of their agents (AUT8). */
const erasableTexts = (state: PlainState, me: UserId): ReadonlyArray<ThreadText> =>
  threadTexts(state).filter(({ author, owner, text }) => text !== erasedMark && (author === me || owner === me))

/** How many are listed. */
const listedCount = 10

const list = (texts: ReadonlyArray<ThreadText>): string =>
  texts.slice(-listedCount).map(({ id, text }) => `  ${shortId(id)} ${toOneLine(text)}\n`).join("")

/** The text of this user that is named by its short id or the beginning of its id, or why there is none. */
export const findText = (
  state: PlainState,
  me: UserId,
  beginning: string | undefined
): ThreadText | { readonly problem: string } => {
  const own = erasableTexts(state, me)
  if (own.length === 0) return { problem: "You wrote nothing here that could be erased.\n" }
  if (beginning === undefined) return { problem: `Name what to erase by its id:\n${list(own)}` }
  const exact = own.filter(({ id }) => id === beginning || shortId(id) === beginning)
  const matches = exact.length > 0 ? exact : own.filter(({ id }) => id.startsWith(beginning))
  const [first] = matches
  if (first === undefined) return { problem: `You wrote nothing with the id ${beginning}. Your newest:\n${list(own)}` }
  return matches.length === 1 ? first : { problem: `Several ids begin with ${beginning}:\n${list(matches)}` }
}
