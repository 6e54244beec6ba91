/** One open event stream: a subscriber of a topic whose frames become server-sent events (SYN13). */
import { type Cause, Effect, Queue, type Redacted, Stream } from "effect"
import { Sse } from "effect/encoding"
import { formatEventId, isStreamOverLimit } from "../../domain/delivery/EventStream.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { OutboundFrame } from "../../services/OutboundFrame.ts"
import type { Subscriber } from "../../services/Topics.ts"

/** The options of a reader. */
export interface SseReaderOptions {
  /** The id of its subscription. */
  readonly id: string
  readonly user: UserId
  readonly token: Redacted.Redacted
  readonly limits: Pick<Limits, "outboxMax">
  /** Text that the client has not read. Unbounded itself: the reader ends beyond `outboxMax`. */
  readonly queue: Queue.Queue<string, Cause.Done>
  /** Called once, when the stream ends for whatever reason. */
  readonly onEnd: (reader: SseReader) => void
}

/** A stream that buffers what its client has not read, up to `outboxMax` characters, and ends beyond that (CON8). */
export class SseReader implements Subscriber {
  readonly id: string
  readonly user: UserId
  readonly token: Redacted.Redacted
  // Frames of the ephemeral lane are ignored, so that the other subscribers need not do without batching.
  readonly supportsBatching = true
  private readonly options: SseReaderOptions
  private epoch = ""
  private bufferedLength = 0
  private ended = false

  constructor(options: SseReaderOptions) {
    this.id = options.id
    this.user = options.user
    this.token = options.token
    this.options = options
  }

  /** Writes the first event, `subscribed`; `epoch` is that of all later events. */
  writeSubscribed(epoch: string, seq: number, text: string): void {
    this.epoch = epoch
    this.writeEvent("subscribed", seq, text)
  }

  deliver({ lane, text }: OutboundFrame): void {
    if (lane._tag === "Durable") this.writeEvent("delta", lane.seq, text)
  }

  /** Writes a comment, which keeps idle proxies from closing the connection. */
  keepAlive(): void {
    this.write(":\n\n")
  }

  onAccessRevoked(): void {
    this.end()
  }

  /** Ends the stream after the buffered text. */
  end(): void {
    if (this.ended) return
    this.ended = true
    Queue.endUnsafe(this.options.queue)
    this.options.onEnd(this)
  }

  /** The bytes for the client. The subscription ends when the response is closed. */
  get bytes(): Stream.Stream<Uint8Array> {
    return Stream.fromQueue(this.options.queue).pipe(
      Stream.tap((text) => Effect.sync(() => void (this.bufferedLength -= text.length))),
      Stream.encodeText,
      Stream.ensuring(Effect.sync(() => this.end()))
    )
  }

  private writeEvent(event: string, seq: number, data: string): void {
    this.write(Sse.encoder.write({ _tag: "Event", event, id: formatEventId({ epoch: this.epoch, seq }), data }))
  }

  private write(text: string): void {
    if (this.ended) return
    this.bufferedLength += text.length
    if (isStreamOverLimit(this.bufferedLength, text.length, this.options.limits)) return this.end()
    Queue.offerUnsafe(this.options.queue, text)
  }
}
