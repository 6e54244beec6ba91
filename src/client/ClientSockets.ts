/**
 * The WebSockets of a client, by the number that the machine gave each. Their events become messages of the machine;
 * text frames leave in the order of `send`, even when a message is signed first.
 *
 * Decides nothing: when to open, close or send is the machine's.
 */
import { Effect } from "effect"
import { CommandId, type TopicId, type UserId } from "../domain/protocol/Ids.ts"
import { subprotocol } from "../domain/protocol/Protocol.ts"
import * as SignedCommand from "../domain/protocol/SignedCommand.ts"
import type { Intent, OutgoingMessage, UntimedMessage } from "./ClientModel.ts"
import type { Identity } from "./Keys.ts"
import { SendOrder } from "./SendOrder.ts"

/** The part of the `WebSocket` interface that the client uses. */
export interface WebSocketLike {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

/**
 * Opens a socket at a URL with a subprotocol. Throws only if no attempt can succeed, as `new WebSocket` does: the client
 * then gives up with the exception's message. A server that cannot be reached is an event `close`.
 */
export type Connect = (url: string, protocol: string) => WebSocketLike

type SendIntent = Extract<Intent, { readonly _tag: "Send" }>

/** The dependencies and options of the sockets. */
export interface SocketDependencies {
  readonly url: string
  readonly connect: Connect
  readonly identity: Identity
  /** Whether to sign each command by itself (AUT5). */
  readonly signCommands: boolean
  /** For whom an agent's commands are signed (AUT8). */
  readonly owner: UserId | undefined
  readonly dispatch: (message: UntimedMessage) => void
  /** In [0, 1). */
  readonly random: () => number
  /** Runs an effect in the client's scope. */
  readonly run: (effect: Effect.Effect<void>) => unknown
}

/** The code of a connection that ended without a close frame (RFC 6455, 7.4.1). */
const abnormalClosure = 1006

/** The sockets of one client. */
export class ClientSockets {
  private readonly dependencies: SocketDependencies
  private readonly sockets = new Map<number, WebSocketLike>()
  /** The order of messages about topics, kept while signatures are computed. One per connection. */
  private sendOrder = new SendOrder()

  constructor(dependencies: SocketDependencies) {
    this.dependencies = dependencies
  }

  /** Opens the socket with a number. */
  open(socket: number): void {
    const { connect, dispatch, url } = this.dependencies
    try {
      const opened = connect(url, subprotocol)
      this.sockets.set(socket, opened)
      this.sendOrder = new SendOrder()
      opened.addEventListener("open", () => dispatch({ _tag: "SocketOpened", socket }))
      opened.addEventListener("message", (event) => {
        const value = parseJsonFrame(readField(event, "data"))
        if (value !== undefined) dispatch({ _tag: "FrameReceived", socket, value })
      })
      opened.addEventListener("close", (event) => {
        const code = readField(event, "code")
        this.handleClose(socket, typeof code === "number" ? code : abnormalClosure)
      })
      // `close` always follows, and a browser's `error` has no details. Without a listener, `ws` would throw.
      opened.addEventListener("error", () => {})
    } catch (cause) {
      const problem = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "")
      dispatch({ _tag: "SocketUnusable", problem })
    }
  }

  /** Closes a socket. Its later events still arrive, and the machine ignores them. */
  close(socket: number, code: number): void {
    this.sockets.get(socket)?.close(code)
    this.sockets.delete(socket)
  }

  /** Sends a message; a command is signed first if the client signs commands. */
  send({ envelope: message, signing, socket }: SendIntent): void {
    const topic = message.thread_id
    if (topic === undefined) return this.transmit(socket, message)
    return this.dependencies.signCommands && signing !== undefined
      ? this.sendSigned(socket, message, topic, signing)
      : this.sendOrder.enqueue(() => this.transmit(socket, message))
  }

  private sendSigned(
    socket: number,
    message: OutgoingMessage,
    topic: TopicId,
    signing: NonNullable<SendIntent["signing"]>
  ): void {
    const { id, timestamp } = message
    const { dispatch, identity, owner, run } = this.dependencies
    const runInOrder = this.sendOrder.reserve()
    const text = SignedCommand.signingInput(CommandId.make(id), { ...signing, owner, timestamp, topic })
    run(
      identity.sign(text).pipe(Effect.match({
        onSuccess: (signature) => runInOrder(() => this.transmit(socket, { ...message, signature })),
        onFailure: () => runInOrder(() => dispatch({ _tag: "SigningFailed", socket }))
      }))
    )
  }

  private transmit(socket: number, message: object): void {
    this.sockets.get(socket)?.send(JSON.stringify(message))
  }

  private handleClose(socket: number, code: number): void {
    this.sockets.delete(socket)
    this.dependencies.dispatch({ _tag: "SocketClosed", socket, code, random: this.dependencies.random() })
  }
}

/** The JSON in a text frame; undefined for a binary frame or for malformed JSON, which are ignored. */
const parseJsonFrame = (data: unknown): unknown => {
  if (typeof data !== "string") return undefined
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** A field of what a socket calls back with, which may be nothing. */
const readField = (event: unknown, name: string): unknown => Reflect.get(Object(event), name)
