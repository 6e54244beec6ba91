/** A real client on a server of fixture threads, whose answers to `subscribe` arrive when the test says so. */
import { Effect } from "effect"
import * as Client from "../../src/client/Client.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { mara } from "../../src/web/states/fixturePeople.ts"
import { makeFixtureServer } from "../../src/web/states/FixtureServer.ts"
import type { FixtureThread } from "../../src/web/states/FixtureThread.ts"
import { perform } from "./Rendered.ts"

interface ClientFrame {
  readonly type: string
  readonly thread_id?: string
  readonly payload?: unknown
}

/** Mara's client, which is online. */
export class FixtureConnection implements AsyncDisposable {
  readonly client: Awaited<ReturnType<typeof Client.open>>
  /** What the server got. */
  readonly received: ReadonlyArray<ClientFrame>
  private readonly held: Array<() => void>

  private constructor(
    client: FixtureConnection["client"],
    received: ReadonlyArray<ClientFrame>,
    held: Array<() => void>
  ) {
    this.client = client
    this.received = received
    this.held = held
  }

  /** Signs in to a server with these threads. */
  static async open(threads: ReadonlyArray<FixtureThread>): Promise<FixtureConnection> {
    const received: Array<ClientFrame> = []
    const held: Array<() => void> = []
    const openSocket = makeFixtureServer({ me: mara, threads })
    const client = await Client.open({
      url: location.origin,
      identity: { publicKey: mara, sign: () => Effect.succeed("c2lnbmF0dXJl") },
      kinds: [threadKind],
      checkAudience: false,
      connect: () => {
        const socket = openSocket()
        return {
          addEventListener: (type, listener) => socket.addEventListener(type, listener),
          close: (code) => socket.close(code),
          send: (text) => {
            const frame = JSON.parse(text) as ClientFrame
            received.push(frame)
            if (frame.type === "subscribe") held.push(() => socket.send(text))
            else socket.send(text)
          }
        }
      }
    })
    await new Promise<void>((resolve) => {
      const check = () => client.state().connection._tag === "Online" ? resolve() : undefined
      client.onChange(check)
      check()
    })
    return new FixtureConnection(client, received, held)
  }

  /** What the server got of some types, in order. */
  typesOf(...types: ReadonlyArray<string>): ReadonlyArray<string> {
    return this.received.map(({ type }) => type).filter((type) => types.includes(type))
  }

  /** The server answers what was subscribed to, by the threads as they are now. */
  answer(): Promise<void> {
    return perform(() => this.held.splice(0).forEach((answer) => answer()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close()
  }
}
