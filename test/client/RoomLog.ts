/** The log of a room, as a server keeps and publishes it: texts are committed to, events decided and chained. */
import { Result } from "effect"
import type { CommandId, Instant, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../src/domain/protocol/Principal.ts"
import type { PublishedEvent, ServerMessageOf } from "../../src/domain/protocol/Protocol.ts"
import { noOpenings, saltSource } from "../../src/domain/protocol/Seal.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { toPublishedEvent } from "../../src/domain/topic/CatchUp.ts"
import { codecsFor } from "../../src/domain/topic/KindCodecs.ts"
import { chainDrafts } from "../../src/domain/topic/Log.ts"
import { commitTexts, openingsOf } from "../../src/domain/topic/SealedText.ts"
import { fold } from "../../src/domain/topic/Topic.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"

const codecs = codecsFor(roomKind)

/** A salt for the texts of a command, the same for each id. */
export const saltOf = (id: string): string => id.replaceAll("-", "")

/** A command as the room decides it, from what a client sends. */
export const sealCommand = (command: unknown, id: string, salt = saltOf(id)): RoomModel.Command =>
  commitTexts(Result.getOrThrow(codecs.decodeInput(command)), () => saltSource(salt, id), sha256) as RoomModel.Command

/** What the events of a command depend on. */
interface CommandOrigin {
  readonly topic: TopicId
  readonly epoch: string
  readonly id: CommandId
  readonly author: UserId
  readonly now: Instant
}

/** The events of a command that continue a log; undefined if the room rejects it. */
export const decideCommand = (
  log: ReadonlyArray<PublishedEvent>,
  state: RoomModel.State,
  command: RoomModel.Command,
  { author, epoch, id, now, topic }: CommandOrigin
): ReadonlyArray<PublishedEvent> | undefined => {
  const decision = roomKind.decide(state, command, { id, author, now, seed: 0 })
  if (Result.isFailure(decision) || decision.success._tag === "Forward") return undefined
  const seq = log.length
  const drafts = decision.success.events.map((event, index) => ({
    topic,
    seq: seq + index + 1,
    at: now,
    cause: id,
    principal: principalOf(author),
    depth: 0,
    version: roomKind.version,
    event
  }))
  const chained = chainDrafts(sha256, { position: { epoch, seq }, hash: headOf(log) }, seq, drafts)
  return JSON.parse(JSON.stringify(chained?.entries.map(toPublishedEvent)))
}

/** The hash of the newest entry; empty without entries. */
export const headOf = (log: ReadonlyArray<PublishedEvent>): string => log.at(-1)?.hash ?? ""

const readEvents = new WeakMap<PublishedEvent, RoomModel.Event>()

const readEvent = (view: PublishedEvent): RoomModel.Event => {
  let event = readEvents.get(view)
  if (event === undefined) {
    event = Result.getOrThrow(codecs.readEvent(view.version, view.event, view.open ?? noOpenings)) as RoomModel.Event
    readEvents.set(view, event)
  }
  return event
}

/** The state that a client has after these events. */
export const foldLog = (topic: TopicId, log: ReadonlyArray<PublishedEvent>): RoomModel.State =>
  fold(roomKind, roomKind.initial(topic), log.map(readEvent))

/** A state as it is sent. */
export const snapshotOf = (state: RoomModel.State): ServerMessageOf<"subscribed">["snapshot"] & object => ({
  state: Result.getOrThrow(codecs.encodeState(state)),
  open: openingsOf(state)
})
