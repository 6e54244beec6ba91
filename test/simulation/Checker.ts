/**
 * Looks at everything that crosses the network, in both directions, and holds
 * it against what is durable at that moment.
 */
import { Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import type { ChorusState } from "../../src/domain/chorus/Chorus.ts"
import type { Author, TopicId } from "../../src/domain/Ids.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import { decodeServer, type EventView, type ServerMessage, type ServerMessageOf } from "../../src/domain/Protocol.ts"
import type { Line, Watcher } from "./Network.ts"
import type { Truth } from "./Truth.ts"
import type { World } from "./World.ts"

/** What is known of one connection. */
interface Session {
  /** When the message at hand was made, by true time at the latest. An answer may have waited for others (CON2). */
  made: number
  user: Author | undefined
  /** Where the server has brought the client, by topic it is subscribed to. */
  readonly positions: Map<TopicId, number>
  /** What the client asked for last, by topic, and whether it was answered: from then on it has no reason to ask. */
  readonly wishes: Map<TopicId, { readonly ref: string; live: boolean }>
  /** Commands sent and not answered. */
  readonly open: Map<string, number>
}

/** About commands, and so answered by a receipt or an error. */
const control = new Set([
  "connect",
  "auth",
  "resume",
  "renew",
  "sign_out",
  "heartbeat",
  "subscribe",
  "unsubscribe",
  "ack",
  "desync",
  "signal",
  "get_threads",
  "get_thread",
  "get_user"
])

interface Asked {
  readonly id: string
  readonly type: string
  readonly thread_id?: TopicId
}

export class Checker implements Watcher {
  readonly counts = { frames: 0, deltas: 0, snapshots: 0, receipts: 0, duplicates: 0, errors: 0, desyncs: 0 }
  private readonly world: World
  private readonly truth: Truth
  private readonly sessions = new WeakMap<Line, Session>()
  /** Events that were found to be as in the log; many clients get the same text. */
  private readonly verified = new Set<string>()
  private decoded: { readonly text: string; readonly value: ReturnType<typeof decodeServer> } | undefined

  constructor(world: World, truth: Truth) {
    this.world = world
    this.truth = truth
  }

  readonly opened = (line: Line): void => {
    this.sessions.set(line, { made: 0, user: undefined, positions: new Map(), wishes: new Map(), open: new Map() })
  }

  readonly arrived = (line: Line): void => this.world.note(`arrived ${line.id}`)

  readonly asked = (line: Line, text: string): void => {
    this.world.note(`> ${line.id} ${text}`)
    const session = this.sessions.get(line)
    if (session === undefined) return
    const { id, thread_id, type } = JSON.parse(text) as Asked
    if (!control.has(type)) session.open.set(id, (session.open.get(id) ?? 0) + 1)
    if (thread_id === undefined) return
    if (type === "unsubscribe") session.wishes.delete(thread_id)
    if (type === "desync") this.desynced(line, session, thread_id)
    if (type !== "subscribe") return
    if (session.wishes.get(thread_id)?.live === true) {
      this.world.violate("SYN2", `${line.client.name} found a gap in ${thread_id} on a connection that nobody cut`)
    }
    session.wishes.set(thread_id, { ref: id, live: false })
  }

  /** A copy is given up only when it was spoilt, and then for good reason. */
  private desynced(line: Line, session: Session, topic: TopicId): void {
    session.wishes.delete(topic)
    this.counts.desyncs += 1
    if (!this.truth.spoilt.has(`${line.client.name} ${topic}`)) {
      this.world.violate("SYN7", `${line.client.name} gave up its copy of ${topic}, which nobody had touched`)
    }
  }

  readonly sent = (line: Line, text: string): void => {
    this.world.note(`< ${line.id} ${text}`)
    this.counts.frames += 1
    const session = this.sessions.get(line)
    if (this.decoded?.text !== text) this.decoded = { text, value: decodeServer(JSON.parse(text)) }
    const decoded = this.decoded.value
    if (session === undefined || decoded === undefined) {
      return this.world.violate("SYN1", `the server said what no client knows: ${text.slice(0, 200)}`)
    }
    session.made = decoded.envelope.timestamp - Math.max(...this.truth.skews)
    this.check(line, session, text, decoded.message, decoded.envelope.thread_id)
  }

  private check(line: Line, session: Session, text: string, message: ServerMessage, topic: TopicId | undefined): void {
    switch (message._tag) {
      case "init":
        session.user = message.user.public_key
        return this.listed(line, session, message.threads)
      case "threads":
        return this.listed(line, session, message.threads)
      case "receipt":
        return this.receipt(session, message)
      case "error":
        this.counts.errors += 1
        return message.ref_id === null ? undefined : this.answered(session, message.ref_id, false)
      case "delta":
        return topic === undefined ? undefined : this.delta(line, session, topic, text, message)
      case "subscribed":
        return topic === undefined ? undefined : this.subscribed(line, session, topic, message)
      case "unsubscribed":
        if (topic !== undefined) session.positions.delete(topic)
        if (topic !== undefined && message.ref_id === null) session.wishes.delete(topic)
        return
      case "goodbye":
        if (message.resume) line.saidGoodbye = true
        return
      case "signal":
        return topic === undefined
          ? undefined
          : this.shared(line, session, topic, message.value === null ? [] : [message])
      case "presence_diff":
        return topic === undefined
          ? undefined
          : this.shared(line, session, topic, message.joins.map(({ user }) => ({ from: user })))
      case "thread_messages":
      case "chorus_response":
        return topic === undefined ? undefined : this.allowed(line, session, topic)
      default:
        return undefined
    }
  }

  /** What wrote nothing is not kept: when its answer is lost on the way, the command is put again, out of turn. */
  readonly settled = (id: string, topic: TopicId | undefined): void => {
    const send = this.truth.sends.get(id)
    const logged = topic !== undefined && this.truth.at(topic)?.causes.has(id) === true
    if (send !== undefined && !logged) send.retried = true
  }

  private answered(session: Session, id: string, must: boolean): void {
    const open = session.open.get(id)
    if (open === undefined) return must ? this.world.violate("SYN5", `${id} was answered and not asked`) : undefined
    if (open > 1) session.open.set(id, open - 1)
    else session.open.delete(id)
  }

  private receipt(session: Session, { dup, ref_id, seq, topic }: ServerMessageOf<"receipt">): void {
    this.counts.receipts += 1
    if (dup === true) this.counts.duplicates += 1
    this.answered(session, ref_id, true)
    const known = this.truth.at(topic)
    const logged = known?.causes.get(ref_id)
    // A command that changed nothing is acknowledged at the seq it found.
    const nothing = logged === undefined && known !== undefined && seq <= known.entries.length &&
      this.truth.sends.get(ref_id)?.topic === topic
    if (logged !== seq && !(nothing && this.idempotent(ref_id))) {
      this.world.violate("TOP4", `${ref_id} was acknowledged at ${topic} ${seq}, and the log has it at ${logged}`)
    }
  }

  /** Joining twice is no event. */
  private idempotent(id: string): boolean {
    return this.truth.sends.get(id)?.topic.startsWith("room:") ?? false
  }

  private allowed(line: Line, { made, user }: Session, topic: TopicId): void {
    if (user === undefined || !this.truth.canRead(topic, user, made)) {
      this.world.violate("SEC7", `${line.client.name} was sent what is in ${topic}`)
    }
  }

  /** What is listed was looked up a moment before it is said. */
  private listed(line: Line, { made, user }: Session, threads: ServerMessageOf<"threads">["threads"]): void {
    for (const { thread_id } of threads) {
      if (user === undefined || !this.truth.canRead(thread_id, user, made - 50)) {
        this.world.violate("SEC7", `${line.client.name} was told of ${thread_id}`)
      }
    }
  }

  /** Who may not read a topic is not shown in it either. */
  private shared(line: Line, session: Session, topic: TopicId, who: ReadonlyArray<{ readonly from: Author }>): void {
    this.allowed(line, session, topic)
    for (const { from } of who) {
      if (!this.truth.canRead(topic, from, session.made)) {
        this.world.violate("SEC7", `${from} is shown in ${topic}, and is out`)
      }
    }
  }

  private delta(line: Line, session: Session, topic: TopicId, text: string, message: ServerMessageOf<"delta">): void {
    this.counts.deltas += 1
    this.allowed(line, session, topic)
    const at = session.positions.get(topic)
    if (at === undefined) this.world.violate("SYN2", `${topic}: a delta without a subscription on line ${line.id}`)
    else if (at !== message.from) {
      this.world.violate("SYN2", `${topic}: a delta from ${message.from} for a client at ${at} on line ${line.id}`)
    }
    session.positions.set(topic, message.to)
    if (this.verified.has(text)) return
    this.verified.add(text)
    this.events(topic, message.from, message.to, message.events)
  }

  private events(topic: TopicId, from: number, to: number, events: ReadonlyArray<EventView>): void {
    const entries = this.truth.at(topic)?.entries ?? []
    const good = events.length === to - from && events.every(({ at, author, cause, event, seq }, i) => {
      const entry = entries[from + i]
      return entry !== undefined && seq === entry.seq && at === entry.at && cause === entry.cause &&
        author === entry.author && isDeepStrictEqual(event, entry.event)
    })
    if (!good) this.world.violate("TOP4", `${topic}: events ${from + 1} to ${to} are not those of the durable log`)
  }

  private subscribed(
    line: Line,
    session: Session,
    topic: TopicId,
    { events = [], mode, position, presence, ref_id, signals, state }: ServerMessageOf<"subscribed">
  ): void {
    this.shared(line, session, topic, [...presence.map(({ user }) => ({ from: user })), ...signals])
    const wish = session.wishes.get(topic)
    if (wish?.ref === ref_id) wish.live = true
    session.positions.set(topic, position.seq)
    if (mode === "deltas") return this.events(topic, position.seq - events.length, position.seq, events)
    this.counts.snapshots += 1
    const known = this.truth.at(topic)
    if (known === undefined || position.seq > known.entries.length) {
      return this.world.violate("TOP4", `${topic}: a snapshot of ${position.seq}, which is not durable`)
    }
    const read = Schema.decodeExit(known.kind.State)(state)
    if (read._tag === "Failure" || !isDeepStrictEqual(read.value, known.states[position.seq])) {
      this.world.violate("TOP2", `${topic}: the snapshot of ${position.seq} is not the fold of the log`)
    }
  }

  /** Called before the model works: a step that is in the log is not paid for again. */
  readonly paid = (run: ChorusState): void => {
    const known = this.truth.at(run.thread_id)
    const durable = (known?.states.at(-1) as ThreadModel.State | undefined)?.runs
      .find((other) => other.prompt_id === run.prompt_id)
    if (durable?.steps.some(({ loop, step }) => loop === run.loop && step === run.current_step) === true) {
      this.world.violate("CHO7", `${run.current_step} of ${run.prompt_id} was paid for twice`)
    }
  }
}
