/** One open event stream: a subscriber of a topic whose frames become server-sent events (SYN13). */
import { type Cause, Effect, Queue, Stream } from "effect"
import { Sse } from "effect/encoding"
import { formatEventId, isStreamOverLimit } from "../../domain/delivery/EventStream.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { EncodedJson, OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Session } from "../../services/Sessions.ts"
import type { Subscriber } from "../../services/Topics.ts"
import type { OutboundBudgetService, SlowReceiver } from "../delivery/OutboundBudget.ts"
import { fragments } from "../delivery/SharedFrame.ts"

/** Bytes that the client has not read: a copy, or a part of a value that other streams send as well. */
export interface QueuedBytes {
  readonly bytes: Uint8Array
  readonly isShared: boolean
}

/** The options of a reader. */
export interface SseReaderOptions {
  /** The id of its subscription. */
  readonly id: string
  readonly session: Session
  /** The key by which its address is counted. */
  readonly addressKey: string
  readonly limits: Pick<Limits, "outboxMax">
  readonly budget: OutboundBudgetService
  /** What the client has not read. Unbounded itself: the reader ends beyond `outboxMax` bytes of copies. */
  readonly queue: Queue.Queue<QueuedBytes, Cause.Done>
  /** Called once, when the stream ends for whatever reason. */
  readonly onEnd: (reader: SseReader) => void
  /** Closes the connection, without the unread rest. */
  readonly abort: () => void
}

/** A stream that buffers what its client has not read, up to `outboxMax` bytes, and ends beyond that (CON8). */
export class SseReader implements Subscriber, SlowReceiver {
  readonly id: string
  readonly user: UserId
  readonly addressKey: string
  /** As it was last looked up; undefined once it was revoked. */
  session: Session | undefined
  // Frames of the ephemeral lane are ignored, so that the other subscribers need not do without batching.
  readonly supportsBatching = true
  private readonly options: SseReaderOptions
  private epoch = ""
  private copiedBytes = 0
  private shared: ReadonlyArray<EncodedJson> = []
  private ended = false
  private closed = false

  constructor(options: SseReaderOptions) {
    this.id = options.id
    this.user = options.session.user
    this.addressKey = options.addressKey
    this.session = options.session
    this.options = options
  }

  /** Writes the first event, `subscribed`; `epoch` is that of all later events. */
  writeSubscribed(epoch: string, seq: number, frame: OutboundFrame): void {
    this.epoch = epoch
    const { parts } = frame
    // Only then: the text of a frame in parts would be a copy of them all.
    if (parts === undefined) return this.writeEvent("subscribed", seq, frame.text)
    const [before = "", after = ""] = this.formatEvent("subscribed", seq, "\0").split("\0")
    const [first, ...others] = fragments({
      before: before + parts.before,
      shared: parts.shared,
      after: parts.after + after
    })
    const last = others.pop()
    this.shared = [parts.shared]
    this.write({ bytes: first!, isShared: false })
    for (const bytes of others) this.write({ bytes, isShared: true })
    this.write({ bytes: last!, isShared: false })
  }

  deliver({ lane, text }: OutboundFrame): void {
    if (lane._tag === "Durable") this.writeEvent("delta", lane.seq, text)
  }

  /** Writes a comment, which keeps idle proxies from closing the connection. */
  keepAlive(): void {
    this.writeText(":\n\n")
  }

  onAccessRevoked(): void {
    this.end()
  }

  closeAsSlow(): void {
    this.abort()
  }

  /** The session was revoked: ends the stream. What the client does not read at once, `abort` takes away. */
  revoke(): void {
    this.session = undefined
    this.end()
  }

  /** Ends the stream without the unread rest. */
  abort(): void {
    this.end()
    this.options.abort()
  }

  /** Ends the stream after the buffered text. */
  end(): void {
    if (this.ended) return
    this.ended = true
    Queue.endUnsafe(this.options.queue)
    this.options.onEnd(this)
  }

  /** The connection is closed: nothing is unread any more. */
  close(): void {
    this.end()
    this.closed = true
    this.options.budget.release(this)
  }

  /** The bytes for the client, a piece at a time as it reads. */
  get bytes(): Stream.Stream<Uint8Array> {
    return Stream.fromEffectRepeat(Effect.map(Queue.take(this.options.queue), (piece) => this.takePiece(piece)))
  }

  private takePiece({ bytes, isShared }: QueuedBytes): Uint8Array {
    if (isShared) return bytes
    this.copiedBytes -= bytes.length
    if (this.copiedBytes === 0) this.shared = []
    this.reportPending()
    return bytes
  }

  private formatEvent(event: string, seq: number, data: string): string {
    return Sse.encoder.write({ _tag: "Event", event, id: formatEventId({ epoch: this.epoch, seq }), data })
  }

  private writeEvent(event: string, seq: number, data: string): void {
    this.writeText(this.formatEvent(event, seq, data))
  }

  private writeText(text: string): void {
    this.write({ bytes: Buffer.from(text), isShared: false })
  }

  private write(piece: QueuedBytes): void {
    if (this.ended) return
    if (!piece.isShared) {
      this.copiedBytes += piece.bytes.length
      if (isStreamOverLimit(this.copiedBytes, piece.bytes.length, this.options.limits)) return this.end()
    }
    Queue.offerUnsafe(this.options.queue, piece)
    this.reportPending()
  }

  private reportPending(): void {
    if (!this.closed) this.options.budget.update(this, { copiedBytes: this.copiedBytes, shared: this.shared })
  }
}
