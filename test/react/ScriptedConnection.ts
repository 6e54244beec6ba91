/** A client whose server is a script in memory: the test says when the server's frames arrive. */
import { Effect } from "effect"
import type { WebSocketLike } from "../../src/client/Client.ts"
import { Client, type ClientModel, Keys } from "../../src/client/index.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { ScriptedServer } from "../client/ScriptedServer.ts"

/** A scripted server behind the client's option `connect`. */
export class ScriptedConnection {
  readonly server: ScriptedServer
  /** The types of the messages that the server got, in order. */
  readonly received: Array<string> = []
  /** How many sockets are open. */
  open = 0
  /** How many sockets were opened. */
  opened = 0
  /** Whether frames wait for `deliver`. */
  held = false
  private emit: (type: string, event: unknown) => void = () => {}

  constructor(server: ScriptedServer) {
    this.server = server
  }

  readonly connect = (): WebSocketLike => {
    const listeners = new Map<string, (event: unknown) => void>()
    const emit = (type: string, event: unknown) => listeners.get(type)?.(event)
    this.emit = emit
    this.open++
    this.opened++
    this.server.resetConnection()
    queueMicrotask(() => emit("open", {}))
    return {
      addEventListener: (type, listener) => void listeners.set(type, listener),
      close: () => void this.open--,
      send: (text) => {
        const message = JSON.parse(text) as ClientModel.OutgoingMessage
        this.received.push(message.type)
        this.server.handleMessage(message)
        if (!this.held) queueMicrotask(() => this.deliver())
      }
    }
  }

  /** Lets the server's frames arrive. */
  deliver(): void {
    for (const frame of this.server.toClient.splice(0)) this.emit("message", { data: JSON.stringify(frame) })
  }

  /** How many messages of a type the server got. */
  count(type: string): number {
    return this.received.filter((received) => received === type).length
  }
}

/** Options of a client of a scripted server, and the connection between them. */
export const scriptedOptions = Effect.map(
  Effect.flatMap(Keys.generateSecret, Keys.fromSecret),
  (identity) => {
    const connection = new ScriptedConnection(new ScriptedServer(identity.publicKey))
    const options: Client.Options = {
      url: "http://choir.test",
      identity,
      kinds: [roomKind],
      checkAudience: false,
      connect: connection.connect
    }
    return { connection, options }
  }
)

/** Waits until a client's state fits. */
export const awaitClient = (client: Client.Client, predicate: (state: ClientModel.State) => boolean) =>
  Effect.callback<void>((resume) => {
    const check = () => predicate(client.state()) ? resume(Effect.void) : undefined
    const unsubscribe = client.onChange(check)
    check()
    return Effect.sync(unsubscribe)
  })

/** A client that is online, whose further frames wait for `deliver`. */
export const onlineClient = Effect.gen(function*() {
  const { connection, options } = yield* scriptedOptions
  const client = yield* Client.make(options)
  yield* awaitClient(client, (state) => state.connection._tag === "Online")
  connection.held = true
  return { client, connection }
})
