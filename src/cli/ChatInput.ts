/** What a line typed into `choir chat` asks for. Pure. */
import { Schema } from "effect"
import { UserId } from "../domain/protocol/Ids.ts"
import type { CommandInput } from "../domain/thread/ThreadModel.ts"
import type { Erase } from "../domain/topic/Erasure.ts"
import type { ThreadView } from "./Connect.ts"
import { findVote, openVotes, waitsFor } from "./OpenVotes.ts"
import { findText } from "./ThreadTexts.ts"

/** The help of the lines. */
export const help = `Each line is sent as a message.
/ask QUESTION asks the Chorus.
/approve [ID] and /deny [ID] vote on a submission or an invitation.
/erase ID [REASON] deletes what you wrote, for everybody and for good; /erase
lists it. Answers that repeat it go too.
/invite KEY invites a co-author. /leave leaves the thread, /close closes it.
/quit ends the program.
At a terminal Alt+Enter begins another line, and pasted lines stay together.
Ctrl+C clears what was typed.
`

const isUserId = Schema.is(UserId)

/** The command of a line, or what to tell its author instead. */
export const parseLine = (
  line: string,
  { confirmed, state }: Pick<ThreadView, "confirmed" | "state">,
  me: UserId
): { readonly command: CommandInput | typeof Erase.Encoded } | { readonly problem: string } => {
  const [, word, rest = ""] = /^(\/\w+)(?:\s+(\S[^]*))?$/.exec(line) ?? []
  if (!line.startsWith("/")) return { command: { _tag: "submit_message", content: line } }
  switch (word) {
    case "/ask":
      return rest === "" ? { problem: help } : { command: { _tag: "submit_prompt", prompt: rest } }
    case "/approve":
    case "/deny": {
      const candidates = openVotes(state).filter((vote) => rest !== "" || waitsFor(vote, me))
      const found = findVote(candidates, rest === "" ? undefined : rest)
      return "problem" in found
        ? { problem: `${found.problem}\n` }
        : {
          command: {
            _tag: "process_approval",
            message_id: found.id,
            decision: word === "/approve" ? "approve" : "deny"
          }
        }
    }
    case "/erase": {
      const [, id, reason] = /^(\S+)(?:\s+(\S[^]*))?$/.exec(rest) ?? []
      // What the server has not confirmed has no event yet.
      const found = findText(confirmed, me, id)
      if ("problem" in found) return found
      return { command: { _tag: "erase", seq: found.seq, ...(reason ? { reason } : undefined) } }
    }
    case "/invite":
      return isUserId(rest)
        ? { command: { _tag: "invite_co_author", user: rest } }
        : { problem: "/invite takes the public key of a user, which `choir key` prints for them.\n" }
    case "/leave":
      return { command: { _tag: "divest" } }
    case "/close":
      return { command: { _tag: "close_thread" } }
    default:
      return { problem: help }
  }
}
