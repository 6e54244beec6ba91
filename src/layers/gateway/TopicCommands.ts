/** The handler that submits commands to topics: in order, each with exactly one reply (CON2, SYN5). */
import { Effect, Result } from "effect"
import { budgetSentence, runAllowances } from "../../domain/admission/DailyLimits.ts"
import * as Sequencer from "../../domain/connection/Sequencer.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { agentOf } from "../../domain/protocol/Principal.ts"
import { saltSource } from "../../domain/protocol/Seal.ts"
import * as SignedCommand from "../../domain/protocol/SignedCommand.ts"
import type { Receipt } from "../../domain/topic/Deduplication.ts"
import { commitTexts, textsIn } from "../../domain/topic/SealedText.ts"
import { startsRun } from "../../domain/topic/Topic.ts"
import type { CommandRequest } from "../../services/Topics.ts"
import { sha256 } from "../eventlog/ChainVerification.ts"
import * as AgentAccess from "./AgentAccess.ts"
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

/** Submits a command after all earlier requests of its connection; a signed one after its signature was verified,
 * an agent's after its attestation was checked (AUT8). */
export const submitCommand: ConnectionIntentHandler<"SubmitCommand"> = (runtime, client, intent, slot) => {
  const { subscriber } = client
  if (subscriber === undefined) return
  const { command, ref, salt, signature, timestamp, topic } = intent
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
  const { attestation, payer, user } = subscriber
  const submit = (signed?: SignedCommand.SignedCommand, input: unknown = command) => {
    // AUT7: a connection that was replaced, or lost its user, while the command was queued submits nothing.
    if (client.subscriber !== subscriber) return reply(Result.fail(ServerMessages.unavailableError))
    const post = (reply: CommandRequest["reply"]) =>
      runtime.topics.post(topic, {
        id: ref,
        author: user,
        input,
        isDecoded: true,
        reply,
        ...(attestation === null ? undefined : { principal: agentOf(attestation) }),
        ...(salt === undefined ? undefined : { salt }),
        ...(signed === undefined ? undefined : { signed })
      })
    if (startsRun(runtime.kinds, topic, command)) postPrompt(runtime, client, payer, post, reply)
    else post(reply)
  }
  const authorised = attestation === null
    ? undefined
    : AgentAccess.authoriseCommand(runtime, attestation, topic, command)
  if (signature === undefined) {
    return authorised === undefined
      ? runInOrder(client, () => submit())
      : checkInOrder(runtime, client, authorised, () => submit(), reply)
  }
  if (salt === undefined && textsIn(command).length > 0) {
    return runInOrder(client, () => reply(Result.fail(saltMissing)))
  }
  const input = commitTexts(command, () => saltSource(salt ?? "", ref), sha256)
  const signed: SignedCommand.SignedCommand = {
    audience: runtime.audience(),
    command: JSON.parse(JSON.stringify(input)),
    ...(attestation === null ? undefined : { owner: attestation.owner }),
    signature,
    timestamp,
    topic
  }
  const isValid = runtime.sessions.verifyText(SignedCommand.signingInput(ref, signed), user, signature)
  const verified = Effect.flatMap(isValid, (isValid) => isValid ? Effect.void : Effect.fail(invalidSignature))
  const checks = authorised === undefined ? verified : Effect.andThen(verified, authorised)
  checkInOrder(runtime, client, checks, () => submit(signed, input), reply)
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

const saltMissing: ServerMessages.RequestRejection = {
  code: "malformed",
  rule: "AUT5",
  message: "a signature covers the seals of texts: send the salt that they are made with"
}

const invalidSignature: ServerMessages.RequestRejection = {
  code: "auth_failed",
  rule: "AUT5",
  message: "the signature of this command is not valid"
}

/**
 * AUT5, AUT8: checks a command before its decision. It is passed on, or refused, in the place that it has among the requests.
 */
const checkInOrder = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  checks: Effect.Effect<void, ServerMessages.RequestRejection>,
  onPassed: () => void,
  onRefused: (refusal: Result.Result<never, ServerMessages.RequestRejection>) => void
): void => {
  const place = Sequencer.nextPlace(client.topicRequests)
  client.topicRequests = Sequencer.reserve(client.topicRequests)
  const checked = Effect.catchDefect(
    Effect.result(checks),
    () => Effect.succeed(Result.fail(ServerMessages.internalError))
  )
  runtime.runFork(Effect.map(checked, (result) => {
    client.topicRequests = Sequencer.complete(
      client.topicRequests,
      place,
      () => Result.isSuccess(result) ? onPassed() : onRefused(Result.fail(result.failure))
    )
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
