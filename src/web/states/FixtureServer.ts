/** A server of fixture threads in the page itself: the client speaks to it as to any other, over a socket without a network. */
import type { WebSocketLike } from "../../client/Client.ts"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { encodeServerMessage, type ServerMessage, type ServerMessageOf } from "../../domain/protocol/Protocol.ts"
import { type FixtureThread, fixtureUuid } from "./FixtureThread.ts"
import { fixtureNow, hour, minute, passTime } from "./fixtureTime.ts"

/** What a server has, and how it behaves. */
export interface FixtureOptions {
  readonly me: UserId
  readonly threads: ReadonlyArray<FixtureThread>
  readonly balance?: number
  /** `lost` and `closed`: after a thread and the list were sent. `slow`: threads are not sent at all. */
  readonly connection?: "online" | "lost" | "closed" | "slow"
  /** What commands are answered with; without it, they wait. */
  readonly rejection?: string
  /** Who else is there, and writes. */
  readonly present?: ReadonlyArray<UserId>
  readonly typing?: ReadonlyArray<UserId>
  /** The text so far of the step that is under way. */
  readonly streamed?: string
}

type Listeners = Record<string, Array<(event: unknown) => void>>

interface ClientFrame {
  readonly id: string
  readonly type: string
  readonly thread_id?: string
}

/** Opens sockets to one server. */
export const makeFixtureServer = (options: FixtureOptions): () => WebSocketLike => {
  let isReachable = true
  return () =>
    new FixtureSocket(options, isReachable, () => {
      isReachable = false
    })
}

class FixtureSocket implements WebSocketLike {
  private readonly options: FixtureOptions
  private readonly listeners: Listeners = {}
  private readonly becomeUnreachable: () => void
  private sent = 0
  /** What is asked for before the page is complete. */
  private readonly unanswered = new Set(["get_threads", "subscribe"])

  constructor(options: FixtureOptions, isReachable: boolean, becomeUnreachable: () => void) {
    this.options = options
    this.becomeUnreachable = becomeUnreachable
    this.emit(isReachable ? "open" : "close", {})
  }

  addEventListener(type: string, listener: (event: unknown) => void): void {
    ;(this.listeners[type] ??= []).push(listener)
  }

  close(): void {
    this.emit("close", { code: closeCode.normal })
  }

  send(text: string): void {
    const frame = JSON.parse(text) as ClientFrame
    const answer = this.answer(frame)
    if (answer !== undefined) this.deliver(answer, frame.thread_id)
    if (frame.type === "subscribe" && answer?._tag === "subscribed") this.stream(frame.thread_id)
    this.unanswered.delete(frame.type)
    if (this.unanswered.size === 0) this.disconnect()
  }

  /** Events come later than what causes them, as in a browser. */
  private emit(type: string, event: unknown): void {
    queueMicrotask(() => this.listeners[type]?.forEach((listener) => listener(event)))
  }

  private deliver(message: ServerMessage, topic?: string): void {
    const thread = this.options.threads.find(({ id }) => id === topic)
    const data = encodeServerMessage(message, {
      id: fixtureUuid(0xffff_0000 + this.sent++),
      timestamp: fixtureNow(),
      thread_id: thread?.id
    })
    this.emit("message", { data })
  }

  private answer({ id: ref_id, thread_id, type }: ClientFrame): ServerMessage | undefined {
    const { balance = 10_840, me, rejection, threads } = this.options
    const user = { public_key: me, balance }
    switch (type) {
      case "connect":
        return challenge()
      case "auth":
      case "resume":
        return init(user, threads.map((thread) => thread.summary()))
      case "heartbeat":
        return { _tag: "heartbeat", ref_id }
      case "get_user":
        return { _tag: "user", ref_id, user }
      case "get_threads":
        return { _tag: "threads", ref_id, threads: threads.map((thread) => thread.summary()) }
      case "subscribe":
        return this.subscribed(ref_id, thread_id)
      case "unsubscribe":
      case "ack":
      case "signal":
        return undefined
      default:
        return rejection === undefined
          ? undefined
          : { _tag: "error", ref_id, code: "rule_violated", message: rejection, retryable: false }
    }
  }

  private subscribed(ref_id: string, topic: string | undefined): ServerMessage | undefined {
    if (this.options.connection === "slow") return undefined
    const thread = this.options.threads.find(({ id }) => id === topic)
    if (thread === undefined) {
      const message = "this thread does not exist, or you may not read it"
      return { _tag: "error", ref_id, code: "not_found", message, retryable: false }
    }
    const { me, present = [], typing = [] } = this.options
    return {
      _tag: "subscribed",
      ref_id,
      mode: "snapshot",
      position: { epoch: "fixture", seq: thread.state.version },
      snapshot: thread.snapshot(),
      head: "",
      presence: [me, ...present, ...typing].map((user) => ({ user, connection: user, at: fixtureNow() - minute })),
      signals: typing.map((from) => ({ from, connection: from, key: "typing", value: true }))
    }
  }

  private stream(topic: string | undefined): void {
    const { streamed, threads } = this.options
    const thread = threads.find(({ id }) => id === topic)
    if (streamed !== undefined && thread !== undefined) {
      this.deliver({ _tag: "chorus_response", ...thread.activeStep(), offset: 0, text: streamed }, topic)
    }
  }

  private disconnect(): void {
    if (this.options.connection === "lost") {
      this.becomeUnreachable()
      this.emit("close", { code: closeCode.goingAway })
      queueMicrotask(() => passTime(minute))
    }
    if (this.options.connection === "closed") {
      const reason = "another session of this key has taken its place"
      this.deliver({ _tag: "goodbye", code: closeCode.forcedOut, reason, resume: false, retry_after_ms: 0 })
      this.emit("close", { code: closeCode.forcedOut })
    }
  }
}

const challenge = (): ServerMessage => ({
  _tag: "challenge",
  nonce: "bm9uY2U",
  audience: location.host,
  origin: "",
  connection_id: "fixture",
  issued_at: fixtureNow(),
  expires_at: fixtureNow() + minute
})

const init = (
  user: ServerMessageOf<"init">["user"],
  threads: ServerMessageOf<"init">["threads"]
): ServerMessage => ({
  _tag: "init",
  user,
  threads,
  session_token: "dG9rZW4",
  expires_at: fixtureNow() + hour,
  connection_id: "fixture",
  audience: location.host,
  ping_interval: 30_000,
  pong_timeout: 5_000,
  chorus: { model: "example-large", offline: false }
})
