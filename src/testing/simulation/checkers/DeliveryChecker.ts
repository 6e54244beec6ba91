/**
 * Checks every frame on the network, in both directions, against the oracle: deltas continue the client's position and
 * equal the durable log, receipts name durable commands, and nothing is sent to a user who may not read it.
 */
import { Result } from "effect"
import { isDeepStrictEqual } from "node:util"
import type { Author, TopicId } from "../../../domain/protocol/Ids.ts"
import {
  clientControlTypes,
  decodeServerMessage,
  type PublishedEvent,
  type ServerMessage,
  type ServerMessageOf
} from "../../../domain/protocol/Protocol.ts"
import { noOpenings, type Openings } from "../../../domain/protocol/Seal.ts"
import type { DecodedEntry } from "../../../domain/topic/DurableState.ts"
import { codecsFor } from "../../../domain/topic/KindCodecs.ts"
import { openingsOf, openTexts } from "../../../domain/topic/SealedText.ts"
import type { SimulatedConnection, TrafficObserver } from "../cluster/SimulatedNetwork.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import { findMarks, type Marks } from "../oracle/TextMarks.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import type { AudienceChecker } from "./AudienceChecker.ts"

/** The checker's state per connection. */
interface ObservedConnection {
  readonly connection: SimulatedConnection
  /**
   * True time at which the server produced the current message, at the earliest. Replies keep the order of requests
   * (CON2), so a frame may be sent long after.
   */
  producedAt: number
  user: Author | undefined
  /** By subscribed topic, the seq that the frames sent so far bring the client to. */
  readonly positions: Map<TopicId, number>
  /** By topic, the last `subscribe`. Once answered, the client has no reason to repeat it on this connection. */
  readonly subscriptions: Map<TopicId, { readonly ref: string; answered: boolean }>
  /** Commands sent and not answered, with the number of times each was sent. */
  readonly outstanding: Map<string, number>
}

/** A frame from the server. */
interface ObservedFrame {
  readonly decoded: ReturnType<typeof decodeServerMessage>
  readonly marks: Marks
}

interface ClientMessage {
  readonly id: string
  readonly type: string
  readonly thread_id?: TopicId
}

/** Checks the traffic of one run. */
export class DeliveryChecker implements TrafficObserver {
  readonly counts = { frames: 0, deltas: 0, snapshots: 0, receipts: 0, duplicates: 0, errors: 0, desyncs: 0 }
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly audiences: AudienceChecker
  private readonly observedConnections = new WeakMap<SimulatedConnection, ObservedConnection>()
  /** Frames by their text: many clients get the same. */
  private readonly frames = new Map<string, ObservedFrame>()
  /** Deltas already compared with the log. */
  private readonly verifiedDeltas = new WeakSet<ServerMessage>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel, audiences: AudienceChecker) {
    this.runtime = runtime
    this.oracle = oracle
    this.audiences = audiences
  }

  /** Starts tracking a connection. */
  readonly connectionOpened = (connection: SimulatedConnection): void => {
    this.observedConnections.set(connection, {
      connection,
      producedAt: 0,
      user: undefined,
      positions: new Map(),
      subscriptions: new Map(),
      outstanding: new Map()
    })
  }

  /** Adds to the trace that a client processed a frame. */
  readonly clientReceived = (connection: SimulatedConnection): void => this.runtime.record(`received ${connection.id}`)

  /** Checks a frame from a client. */
  readonly clientSent = (connection: SimulatedConnection, text: string): void => {
    this.runtime.record(`> ${connection.id} ${text}`)
    const observed = this.observedConnections.get(connection)
    if (observed === undefined) return
    const { id, thread_id, type } = JSON.parse(text) as ClientMessage
    // No receipt answers a control message.
    if (!clientControlTypes.has(type)) observed.outstanding.set(id, (observed.outstanding.get(id) ?? 0) + 1)
    if (thread_id === undefined) return
    if (type === "unsubscribe") observed.subscriptions.delete(thread_id)
    if (type === "desync") this.checkDesync(observed, thread_id)
    if (type !== "subscribe") return
    if (observed.subscriptions.get(thread_id)?.answered === true) {
      this.runtime.reportViolation(
        "SYN2",
        `${connection.client.name} found a gap in ${thread_id} on a connection that was not cut`
      )
    }
    observed.subscriptions.set(thread_id, { ref: id, answered: false })
  }

  /** A client may report a desync only of a replica that the nemesis corrupted. */
  private checkDesync(observed: ObservedConnection, topic: TopicId): void {
    const { name } = observed.connection.client
    observed.subscriptions.delete(topic)
    this.counts.desyncs += 1
    if (!this.oracle.corruptedReplicas.has(`${name} ${topic}`)) {
      this.runtime.reportViolation("SYN7", `${name} reported a desync of ${topic}, whose replica was not corrupted`)
    }
  }

  /** Checks a frame from the server. */
  readonly serverSent = (connection: SimulatedConnection, text: string): void => {
    this.runtime.record(`< ${connection.id} ${text}`)
    this.counts.frames += 1
    const observed = this.observedConnections.get(connection)
    const { decoded, marks } = this.frameOf(text)
    if (observed === undefined || decoded === undefined) {
      return this.runtime.reportViolation("SYN1", `the server sent an unknown message: ${text.slice(0, 200)}`)
    }
    observed.producedAt = decoded.envelope.timestamp - Math.max(...this.oracle.serverClockSkews)
    this.checkMessage(observed, decoded.message)
    const topic = decoded.envelope.thread_id
    this.audiences.checkFrame(observed.user, topic, marks)
    if (topic !== undefined) this.checkTopicMessage(observed, topic, decoded.message)
  }

  private frameOf(text: string): ObservedFrame {
    const known = this.frames.get(text)
    if (known !== undefined) return known
    const frame = { decoded: decodeServerMessage(JSON.parse(text)), marks: findMarks(text) }
    this.frames.set(text, frame)
    return frame
  }

  private checkMessage(observed: ObservedConnection, message: ServerMessage): void {
    switch (message._tag) {
      case "init":
        observed.user = message.user.public_key
        return this.checkListing(observed, message.threads)
      case "threads":
        return this.checkListing(observed, message.threads)
      case "receipt":
        return this.checkReceipt(observed, message)
      case "error":
        this.counts.errors += 1
        return message.ref_id === null ? undefined : this.checkReply(observed, message.ref_id, false)
      case "goodbye":
        if (message.resume) observed.connection.goodbyeSent = true
        return
      default:
        return undefined
    }
  }

  private checkTopicMessage(
    observed: ObservedConnection,
    topic: TopicId,
    message: ServerMessage
  ): void {
    switch (message._tag) {
      case "delta":
        return this.checkDelta(observed, topic, message)
      case "subscribed":
        return this.checkSubscribed(observed, topic, message)
      case "unsubscribed":
        observed.positions.delete(topic)
        if (message.ref_id === null) observed.subscriptions.delete(topic)
        return
      case "signal":
        return this.checkPresenceAccess(observed, topic, message.value === null ? [] : [message.from])
      case "presence_diff":
        return this.checkPresenceAccess(observed, topic, message.joins.map(({ user }) => user))
      case "thread_messages":
      case "title_erased":
      case "chorus_response":
        return this.checkReadAccess(observed, topic)
      default:
        return undefined
    }
  }

  private checkReply(observed: ObservedConnection, id: string, required: boolean): void {
    const outstanding = observed.outstanding.get(id)
    if (outstanding === undefined) {
      return required
        ? this.runtime.reportViolation("SYN5", `${id} was answered, but is not outstanding`)
        : undefined
    }
    if (outstanding > 1) observed.outstanding.set(id, outstanding - 1)
    else observed.outstanding.delete(id)
  }

  private checkReceipt(
    observed: ObservedConnection,
    { duplicate, ref_id, seq, topic }: ServerMessageOf<"receipt">
  ): void {
    this.counts.receipts += 1
    if (duplicate === true) this.counts.duplicates += 1
    this.checkReply(observed, ref_id, true)
    const history = this.oracle.historyOf(topic)
    const loggedSeq = history?.commandSeqs.get(ref_id)
    // A command without effect is acknowledged at the current seq.
    const withoutEvents = loggedSeq === undefined && history !== undefined && seq <= history.entries.length &&
      this.oracle.sentCommands.get(ref_id)?.topic === topic
    if (loggedSeq !== seq && !(withoutEvents && this.isIdempotent(ref_id))) {
      this.runtime.reportViolation(
        "TOP4",
        `${ref_id} was acknowledged at ${topic} ${seq}, and the log has it at ${loggedSeq}`
      )
    }
  }

  /** Room commands may be without effect, such as joining twice. */
  private isIdempotent(id: string): boolean {
    return this.oracle.sentCommands.get(id)?.topic.startsWith("room:") ?? false
  }

  private checkReadAccess({ connection, producedAt, user }: ObservedConnection, topic: TopicId): void {
    if (user === undefined || !this.oracle.canRead(topic, user, producedAt)) {
      this.runtime.reportViolation(
        "SEC7",
        `${connection.client.name} was sent content of ${topic}, which it may not read`
      )
    }
  }

  /** A listing was read up to 50 ms before the message was produced. */
  private checkListing(
    { connection, producedAt, user }: ObservedConnection,
    threads: ServerMessageOf<"threads">["threads"]
  ): void {
    for (const { thread_id } of threads) {
      if (user === undefined || !this.oracle.canRead(thread_id, user, producedAt - 50)) {
        this.runtime.reportViolation(
          "SEC7",
          `${connection.client.name} was sent a listing with ${thread_id}, which it may not read`
        )
      }
    }
  }

  /** Neither the receiver nor a user shown as present may lack read access. */
  private checkPresenceAccess(observed: ObservedConnection, topic: TopicId, users: ReadonlyArray<Author>): void {
    this.checkReadAccess(observed, topic)
    for (const user of users) {
      if (!this.oracle.canRead(topic, user, observed.producedAt)) {
        this.runtime.reportViolation("SEC7", `${user} is shown as present in ${topic}, which it may not read`)
      }
    }
  }

  private checkDelta(
    observed: ObservedConnection,
    topic: TopicId,
    message: ServerMessageOf<"delta">
  ): void {
    this.counts.deltas += 1
    this.checkReadAccess(observed, topic)
    const clientSeq = observed.positions.get(topic)
    const where = `on connection ${observed.connection.id}`
    if (clientSeq === undefined) {
      this.runtime.reportViolation("SYN2", `${topic}: a delta without a subscription ${where}`)
    } else if (clientSeq !== message.from) {
      this.runtime.reportViolation(
        "SYN2",
        `${topic}: a delta from ${message.from} for a client at ${clientSeq} ${where}`
      )
    }
    observed.positions.set(topic, message.to)
    if (this.verifiedDeltas.has(message)) return
    this.verifiedDeltas.add(message)
    this.checkEvents(topic, message.from, message.events, observed.producedAt)
  }

  private checkEvents(topic: TopicId, from: number, events: ReadonlyArray<PublishedEvent>, producedAt: number): void {
    const entries = this.oracle.historyOf(topic)?.entries ?? []
    const matches = events.every((event, i) => {
      const entry = entries[from + i]
      if (entry === undefined) return false
      const { open, ...fields } = publishedFields(entry)
      const { open: sentOpen = noOpenings, ...sentFields } = event
      this.checkOpenings(topic, `the event ${event.seq}`, sentOpen, open, producedAt)
      return isDeepStrictEqual(sentFields, fields)
    })
    if (!matches) {
      this.runtime.reportViolation(
        "TOP4",
        `${topic}: events ${from + 1} to ${from + events.length} are not those of the durable log`
      )
    }
  }

  /** TOP10: the texts that are sent are those of the log, but for erased ones. */
  private checkOpenings(topic: TopicId, where: string, sent: Openings, open: Openings, producedAt: number): void {
    for (const [c, opening] of Object.entries(sent)) {
      if (!isDeepStrictEqual(opening, open[c])) {
        this.runtime.reportViolation("TOP10", `${topic}: ${where} was sent with another text for ${c}`)
      }
      if (!this.oracle.canSend(topic, c, producedAt)) {
        this.runtime.reportViolation("TOP10", `${topic}: ${where} was sent with the erased text of ${c}`)
      }
    }
    for (const c of Object.keys(open)) {
      if (sent[c] === undefined && this.oracle.historyOf(topic)?.erased.has(c) !== true) {
        this.runtime.reportViolation("TOP10", `${topic}: ${where} was sent without the text of ${c}`)
      }
    }
  }

  private checkSubscribed(
    observed: ObservedConnection,
    topic: TopicId,
    { events = [], head, mode, position, presence, ref_id, signals, snapshot }: ServerMessageOf<"subscribed">
  ): void {
    this.checkPresenceAccess(observed, topic, [...presence.map(({ user }) => user), ...signals.map(({ from }) => from)])
    const subscription = observed.subscriptions.get(topic)
    if (subscription?.ref === ref_id) subscription.answered = true
    observed.positions.set(topic, position.seq)
    this.checkHead(topic, position.seq, head)
    if (mode === "deltas") {
      return this.checkEvents(topic, position.seq - events.length, events, observed.producedAt)
    }
    this.counts.snapshots += 1
    const history = this.oracle.historyOf(topic)
    if (history === undefined || position.seq > history.entries.length) {
      return this.runtime.reportViolation("TOP4", `${topic}: a snapshot of ${position.seq}, which is not durable`)
    }
    const { open = noOpenings, state: json } = snapshot ?? {}
    if (findMarks(JSON.stringify(json)).size > 0) {
      this.runtime.reportViolation("TOP10", `${topic}: the snapshot of ${position.seq} holds text besides its openings`)
    }
    const read = codecsFor(history.kind).decodeState(json)
    if (Result.isFailure(read) || !this.oracle.isStateAt(topic, position.seq, openTexts(read.success, open))) {
      this.runtime.reportViolation("TOP2", `${topic}: the snapshot of ${position.seq} is not the fold of the log`)
    }
    const texts = openingsOf(history.states[position.seq])
    this.checkOpenings(topic, `the snapshot of ${position.seq}`, open, texts, observed.producedAt)
  }

  /** TOP5: the next event is linked to the hash that a subscriber gets. */
  private checkHead(topic: TopicId, seq: number, head: string): void {
    const hash = this.oracle.historyOf(topic)?.entries[seq - 1]?.hash ?? ""
    if (head !== hash) this.runtime.reportViolation("TOP5", `${topic}: the head at ${seq} is ${head}, not ${hash}`)
  }
}

/** The fields of an entry that its readers are sent: all but those that they know already. */
const publishedFields = (
  { decoded: _decoded, epoch: _epoch, prev: _prev, textSeqs: _textSeqs, topic: _topic, ...fields }: DecodedEntry
) => fields
