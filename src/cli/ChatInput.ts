/** What a line typed into `choir chat` asks for. Pure. */
import { Schema } from "effect"
import { UserId } from "../domain/protocol/Ids.ts"
import type { Command, State } from "../domain/thread/ThreadModel.ts"
import { findVote, openVotes, waitsFor } from "./OpenVotes.ts"

/** The help of the lines. */
export const help = `Each line is sent as a message.
/ask QUESTION asks the Chorus. /approve [ID] and /deny [ID] vote on a submission or an invitation.
/invite KEY invites a co-author. /leave leaves the thread, /close closes it. /quit ends the program.
`

const isUserId = Schema.is(UserId)

/** The command of a line, or what to tell its author instead. */
export const parseLine = (
  line: string,
  state: State,
  me: UserId
): { readonly command: Command } | { readonly problem: string } => {
  const [, word, rest = ""] = /^(\/\w+)(?:\s+(\S.*))?$/.exec(line) ?? []
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
