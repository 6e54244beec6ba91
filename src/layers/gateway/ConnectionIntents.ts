/** The handlers of all intents of a connection's machine, by tag. They exist before any runtime does. */
import { Effect } from "effect"
import * as Authentication from "./Authentication.ts"
import type { ClientConnection } from "./ClientConnection.ts"
import {
  type ConnectionIntentHandler,
  type ConnectionIntentHandlers,
  type ConnectionRuntime,
  type IntentOf,
  now,
  sendMessage
} from "./ConnectionRuntime.ts"
import * as Queries from "./Queries.ts"
import * as SessionRotation from "./SessionRotation.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as TopicCommands from "./TopicCommands.ts"

/** Counts an acknowledgement and the state hashes that it confirms (SYN6, SYN7). */
const acknowledge: ConnectionIntentHandler<"Acknowledge"> = ({ syncCounts }, client, { matches, seq, topic }) => {
  syncCounts.matches += matches
  client.acknowledge(topic, seq)
}

/** Counts and logs that a client's replica has another state hash (SYN7). */
const recordDesync: ConnectionIntentHandler<"RecordDesync"> = (runtime, client, { expected, found, seq, topic }) => {
  runtime.syncCounts.mismatches += 1
  runtime.runFork(
    Effect.logWarning("a client's replica has another state hash").pipe(
      Effect.annotateLogs({ topic, seq, expected, found, connection: client.connection.id })
    )
  )
}

const setSignal: ConnectionIntentHandler<"SetSignal"> = ({ signals }, { subscriber }, { key, topic, value }) => {
  if (subscriber !== undefined) signals.setSignal(topic, subscriber, key, value)
}

const sendReply: ConnectionIntentHandler<"SendReply"> = (runtime, client, { message, topic }, slot) =>
  sendMessage(runtime, client, slot, message, topic ?? undefined)

const close: ConnectionIntentHandler<"Close"> = (runtime, client, intent) => {
  sendGoodbye(runtime, client, intent)
  runtime.registry.release(client, now(runtime))
  runtime.runFork(client.connection.close(intent.code, intent.reason))
}

/** Sends `goodbye`, once per connection (CON6). */
export const sendGoodbye = (
  runtime: ConnectionRuntime,
  client: ClientConnection,
  { code, reason, resume, retry_after_ms }: Omit<IntentOf<"Close">, "_tag">
): void => {
  if (client.goodbyeSent) return
  client.goodbyeSent = true
  sendMessage(runtime, client, undefined, { _tag: "goodbye", code, reason, resume, retry_after_ms })
}

/** The handler of each intent. */
export const handlers: ConnectionIntentHandlers = {
  IssueChallenge: Authentication.issueChallenge,
  VerifySignature: Authentication.verifySignature,
  ResumeSession: Authentication.resumeSession,
  SendInit: Authentication.sendInit,
  RenewSession: SessionRotation.renewSession,
  RevokeSession: SessionRotation.revokeSession,
  ExtendSession: SessionRotation.extendSession,
  SubmitCommand: TopicCommands.submitCommand,
  Subscribe: Subscriptions.subscribe,
  Unsubscribe: Subscriptions.unsubscribe,
  Acknowledge: acknowledge,
  RecordDesync: recordDesync,
  SetSignal: setSignal,
  ListThreads: Queries.listThreads,
  ReadThread: Queries.readThread,
  ReadUser: Queries.readUser,
  SendReply: sendReply,
  Close: close
}
