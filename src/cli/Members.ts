/** `choir key`, `invite`, `vote`, `leave`, `close`: who belongs to a thread, and what its co-authors decide. */
import { Effect, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { UserId } from "../domain/protocol/Ids.ts"
import type * as ThreadModel from "../domain/thread/ThreadModel.ts"
import { CliError } from "./CliError.ts"
import { awaitLoaded, connect, loadIdentity, openThread, threadFlag } from "./Connect.ts"
import { findVote, openVotes, shortId, waitsFor } from "./OpenVotes.ts"
import { write } from "./Output.ts"
import { aside, body, count, name } from "./TerminalText.ts"

const thread = threadFlag("It stands in the address of its page, and is printed by import and chat.")

/** Connects, loads the thread, and runs `use` with what it needs. */
const withThread = <A, E, R>(
  id: string,
  use: (thread: {
    readonly state: ThreadModel.PlainState
    readonly me: UserId
    readonly send: (command: ThreadModel.CommandInput) => Effect.Effect<unknown, CliError>
  }) => Effect.Effect<A, E, R>
) =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* connect
    const topic = yield* openThread(client, id)
    const { state } = yield* awaitLoaded(topic)
    const send = (command: ThreadModel.CommandInput) =>
      Effect.mapError(topic.send(command), ({ message }) => new CliError({ message }))
    return yield* use({ state, me: client.me, send })
  }))

/** The command `choir key`. */
export const key = Command.make(
  "key",
  {},
  () => Effect.flatMap(loadIdentity, ({ publicKey }) => write(`${publicKey}\n`))
).pipe(Command.withDescription("Print your public key, by which others invite you."))

const isUserId = Schema.is(UserId)

/** The command `choir invite`. */
export const invite = Command.make(
  "invite",
  {
    key: Argument.String("key").pipe(
      Argument.withDescription("The public key of the user, which `choir key` prints for them")
    ),
    thread
  },
  ({ key, thread }) =>
    withThread(thread, ({ send, state }) => {
      if (!isUserId(key)) {
        return Effect.fail(new CliError({ message: `"${key}" is not a public key: ask the user for theirs.` }))
      }
      const others = state.co_authors.length - 1
      return Effect.andThen(
        send({ _tag: "invite_co_author", user: key }),
        write(
          others === 0
            ? `${key} is a co-author of ${state.id} now.\n`
            : `Invited ${key}. The other co-authors (${others}) must approve.\n`
        )
      )
    })
).pipe(Command.withDescription("Invite a user as a co-author; the other co-authors vote."))

const choices = ["approve", "deny"] as const

/** Prints the open votes of a thread. */
const writeOpenVotes = (state: ThreadModel.PlainState, me: UserId) => {
  const votes = openVotes(state)
  return write(
    ...votes.length === 0 ? ["No vote is open.\n"] : votes.flatMap((vote) => [
      name(shortId(vote.id)),
      " ",
      aside(waitsFor(vote, me) ? "(waits for you)" : `(${vote.votes.length} of ${count(vote.voters.length, "vote")})`),
      "action" in vote ? ` ${vote.by} invites ` : ` ${vote.author}: `,
      "action" in vote ? vote.action.user : body(vote.content),
      "\n"
    ])
  )
}

/** The command `choir vote`. */
export const vote = Command.make(
  "vote",
  {
    id: Argument.String("id").pipe(
      Argument.withDescription(
        "The submission or invitation, by the beginning of its id; none lists those that are open"
      ),
      Argument.optional
    ),
    choice: Argument.Literals("choice", choices).pipe(
      Argument.withDescription("Your vote; it is final"),
      Argument.optional
    ),
    thread
  },
  ({ choice, id, thread }) =>
    withThread(thread, ({ me, send, state }) => {
      if (Option.isNone(id)) return writeOpenVotes(state, me)
      if (Option.isNone(choice)) {
        return Effect.fail(new CliError({ message: `Say how you vote: choir vote ${id.value} approve, or deny.` }))
      }
      const found = findVote(openVotes(state), id.value)
      return "problem" in found
        ? Effect.fail(new CliError({ message: found.problem }))
        : Effect.andThen(
          send({ _tag: "process_approval", message_id: found.id, decision: choice.value }),
          write(`You voted to ${choice.value} ${shortId(found.id)}.\n`)
        )
    })
).pipe(Command.withDescription("Vote on a submission or an invitation, or list the open ones."))

/** The command `choir leave`. */
export const leave = Command.make(
  "leave",
  { thread },
  ({ thread }) =>
    withThread(
      thread,
      ({ send, state }) => Effect.andThen(send({ _tag: "divest" }), write(`You have left ${state.id}.\n`))
    )
).pipe(Command.withDescription("Leave a thread with your share of its tokens."))

/** The command `choir close`. */
export const close = Command.make(
  "close",
  { thread },
  ({ thread }) =>
    withThread(
      thread,
      ({ send, state }) =>
        Effect.andThen(send({ _tag: "close_thread" }), write(`${state.id} is closed. It stays readable.\n`))
    )
).pipe(
  Command.withDescription("Close a thread whose only co-author you are; it cannot be opened again.")
)
