/** The handler that submits commands to topics: in order, each with exactly one reply (CON2, SYN5). */
import { Effect, Exit, Result } from "effect"
import { budgetSentence, runAllowances } from "../../domain/admission/DailyLimits.ts"
import * as Sequencer from "../../domain/connection/Sequencer.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import * as SignedCommand from "../../domain/protocol/SignedCommand.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import { startsRun } from "../../domain/topic/Topic.ts"
import type { CommandRequest } from "../../services/Topics.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import {
  completeReply,
  completeRequest,
  type ConnectionIntentHandler,
  type ConnectionRuntime,
  monotonicSeconds,
  now,
  sendMessage
} from "./ConnectionRuntime.ts"
import * as ServerMessages from "./ServerMessages.ts"

/** Submits a command after all earlier requests of its connection; a signed one after its signature was verified. */
export const submitCommand: ConnectionIntentHandler<"SubmitCommand"> = (runtime, client, intent, slot) => {
  const { subscriber } = client
  if (subscriber === undefined) return
  const { command, ref, signed, topic } = intent
  if (slot !== undefined) slot.pendingCount += 1
  const receivedAt = monotonicSeconds(runtime)
  const reply = (outcome: Result.Result<Receipt, ServerMessages.RequestRejection>) => {
    runtime.metrics.receiptSeconds.observe(monotonicSeconds(runtime) - receivedAt)
    const message = Result.isSuccess(outcome)
      ? ServerMessages.receipt(ref, outcome.success)
      : ServerMessages.error(ref, outcome.failure)
    sendMessage(runtime, client, slot, message, topic)
    completeRequest(runtime, client, topic, Result.isFailure(outcome) ? outcome.failure : undefined)
    completeReply(client, slot)
  }
  const submit = (extra?: Pick<CommandRequest, "signed">) => {
    // AUT7: a connection that was replaced, or lost its user, while the command was queued submits nothing.
    if (client.subscriber !== subscriber) return reply(Result.fail(ServerMessages.unavailableError))
    const post = (reply: CommandRequest["reply"]) =>
      runtime.topics.post(topic, { id: ref, author: subscriber.user, input: command, reply, ...extra })
    if (startsRun(runtime.kinds, topic, command)) postPrompt(runtime, client, subscriber.user, post, reply)
    else post(reply)
  }
  if (signed === undefined) return runInOrder(client, submit)
  verifyInOrder(
    runtime,
    client,
    subscriber.user,
    SignedCommand.signingInput(ref, signed),
    signed.signature,
    (result) => {
      if (result === "error") return reply(Result.fail(ServerMessages.internalError))
      return result === "valid" ? submit({ signed }) : reply(Result.fail(invalidSignature))
    }
  )
}

/** SEC29: posts a command that starts a run, if a budget of the day allows one more; a rejected one is not counted. */
const postPrompt = (
  runtime: ConnectionRuntime,
  { connection }: ClientConnection,
  user: UserId,
  post: (reply: CommandRequest["reply"]) => void,
  reply: (outcome: Result.Result<Receipt, ServerMessages.RequestRejection>) => void
): void => {
  const allowances = runAllowances(user, connection.metadata.address, runtime.limits)
  const run = runtime.dailyBudgets.runs(allowances, now(runtime))
  if (Result.isFailure(run)) {
    runtime.metrics.budgetRefusals.runs.value += 1
    const { failure } = run
    return reply(
      Result.fail({ code: "over_budget", rule: "SEC29", message: budgetSentence(failure), wait: failure.wait })
    )
  }
  post((outcome) => {
    if (Result.isFailure(outcome) || outcome.success.duplicate) run.success()
    reply(outcome)
  })
}

const invalidSignature: ServerMessages.RequestRejection = {
  code: "auth_failed",
  rule: "AUT5",
  message: "the signature of this command is not valid"
}

/** AUT5: verifies before the decision; `onVerified` is called in the place that the command has among the requests. */
const verifyInOrder = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  user: UserId,
  text: string,
  signature: string,
  onVerified: (result: "valid" | "invalid" | "error") => void
): void => {
  const place = Sequencer.nextPlace(client.topicRequests)
  client.topicRequests = Sequencer.reserve(client.topicRequests)
  const verification = Effect.exit(runtime.sessions.verifyText(text, user, signature))
  runtime.runFork(Effect.map(verification, (exit) => {
    const result = Exit.isFailure(exit) ? "error" : exit.value ? "valid" : "invalid"
    client.topicRequests = Sequencer.complete(client.topicRequests, place, () => onVerified(result))
    runReady(client)
  }))
}

/** Runs an action after all earlier requests of the connection to topics; at once if none is waiting (CON2). */
export const runInOrder = (client: ClientConnection, action: () => void): void => {
  if (Sequencer.isEmpty(client.topicRequests)) return action()
  client.topicRequests = Sequencer.enqueue(client.topicRequests, action)
}

const runReady = (client: ClientConnection): void => {
  for (
    let next = Sequencer.takeReady(client.topicRequests);
    next !== undefined;
    next = Sequencer.takeReady(client.topicRequests)
  ) {
    client.topicRequests = next.rest
    next.action()
  }
}
