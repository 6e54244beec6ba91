/**
 * The rate limits of a user (CON7, SEC25): which budget a message counts against, and how much each budget allows. The
 * buckets themselves are in memory, shared by all connections of the user.
 */
import * as TokenBucket from "../admission/TokenBucket.ts"
import type { Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import * as Topic from "../topic/Topic.ts"
import type { ClientMessage } from "./FrameDecoder.ts"

/** CON7: the budget of the user that a message counts against; "none" for messages before there is a user. */
export const budgetOf = (incoming: ClientMessage, kinds: ReadonlyMap<string, Topic.AnyKind>): string => {
  if (incoming._tag === "Command") return Topic.budgetNameOf(kinds, incoming.topic)
  switch (incoming.control._tag) {
    case "connect":
    case "auth":
    case "resume":
      return "none"
    case "renew":
    case "sign_out":
      return "command"
    case "subscribe":
    case "unsubscribe":
    case "get_threads":
    case "get_thread":
    case "get_user":
      return "read"
    case "heartbeat":
    case "ack":
    case "desync":
    case "signal":
      return "signal"
  }
}

/** SEC25, SEC29: how many tokens of its budget a message takes: more than one if it makes the server call models. */
export const costOf = (
  incoming: ClientMessage,
  kinds: ReadonlyMap<string, Topic.AnyKind>,
  { promptCost }: Pick<Limits, "promptCost">
): number => incoming._tag === "Command" && Topic.startsRun(kinds, incoming.topic, incoming.command) ? promptCost : 1

/** CON7: each budget and its rate: commands, reads, signals, and one for each kind that declares its own. */
export const budgetRates = (
  limits: Pick<
    Limits,
    "messagesPerMinute" | "messageBurst" | "readsPerMinute" | "readBurst" | "signalsPerSecond"
  >,
  kinds: ReadonlyMap<string, Topic.AnyKind>
): ReadonlyArray<readonly [budget: string, rate: TokenBucket.Rate]> => [
  ["command", { perMinute: limits.messagesPerMinute, burst: limits.messageBurst }],
  ["read", { perMinute: limits.readsPerMinute, burst: limits.readBurst }],
  ["signal", { perMinute: limits.signalsPerSecond * 60, burst: limits.signalsPerSecond }],
  ...[...kinds.values()].flatMap(({ budget, name }) =>
    budget === undefined ? [] : [[`command:${name}`, budget] as const]
  )
]

/** SEC25: when all buckets are full, so that evicting the user refills nothing. */
export const allFullAt = (
  buckets: ReadonlyArray<TokenBucket.TokenBucket | undefined>,
  rates: ReturnType<typeof budgetRates>,
  now: Instant
): Instant => {
  let fullAt = now
  for (const [index, bucket] of buckets.entries()) {
    if (bucket !== undefined) fullAt = Math.max(fullAt, TokenBucket.fullAt(bucket, rates[index]![1]))
  }
  return fullAt
}
