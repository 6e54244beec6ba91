/**
 * The network: a connection is two lossless FIFO pipes with latency and bandwidth, as TCP gives them, until it is cut;
 * a cut drops everything in transit. The nemesis cuts, stalls and slows connections.
 */
import type { MemoryClient, MemoryConnector, PipeEvents } from "../../../layers/socket/memory/SocketMemory.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

/** Which ends learn of a cut. A silent one has to be detected by the heartbeat. */
export type DisconnectMode = "both" | "client notified" | "server notified" | "silent"

/** Observes every frame on every connection; the delivery checker implements it. */
export interface TrafficObserver {
  readonly connectionOpened: (connection: SimulatedConnection) => void
  /** The server wrote a frame. */
  readonly serverSent: (connection: SimulatedConnection, text: string) => void
  /** The client wrote a frame. */
  readonly clientSent: (connection: SimulatedConnection, text: string) => void
  /** The client has processed a frame. */
  readonly clientReceived: (connection: SimulatedConnection) => void
}

/** Bytes that kernel socket buffers hold and that do not count as unsent. */
const kernelBufferBytes = 4_096

/** One direction of a connection. */
class Pipe {
  private readonly runtime: SimulationRuntime
  private readonly random: SeededRandom
  private readonly latencyRange: readonly [number, number]
  private readonly queue: Array<{ at: number; readonly size: number; readonly deliver: () => void }> = []
  private lastDeliveryAt = 0
  bytes = 0
  stalledUntil = 0
  /** Bytes per millisecond. */
  bandwidth = 1_000
  severed = false

  constructor(runtime: SimulationRuntime, random: SeededRandom, latency: readonly [number, number]) {
    this.runtime = runtime
    this.random = random
    this.latencyRange = latency
  }

  push(size: number, deliver: () => void): void {
    if (this.severed) return
    const [low, high] = this.latencyRange
    const earliest = Math.max(this.lastDeliveryAt, this.runtime.now + this.random.int(low, high))
    this.lastDeliveryAt = earliest + Math.floor(size / this.bandwidth)
    this.bytes += size
    this.queue.push({ at: this.lastDeliveryAt, size, deliver })
    if (this.queue.length === 1) this.scheduleHead()
  }

  private scheduleHead(): void {
    const [head] = this.queue
    if (head === undefined) return
    this.runtime.schedule(Math.max(head.at, this.stalledUntil) - this.runtime.now, () => {
      if (this.severed || this.queue[0] !== head) return
      if (this.runtime.now < this.stalledUntil) return this.scheduleHead()
      this.queue.shift()
      this.bytes -= head.size
      this.scheduleHead()
      head.deliver()
    })
  }

  /** Bytes in transit, without the newest frame and the largest of the others. */
  get bytesBesideLargest(): number {
    const older = this.queue.slice(0, -1).map(({ size }) => size)
    return older.reduce((sum, size) => sum + size, 0) - Math.max(0, ...older)
  }

  /** Removes stalls and the bandwidth limit from the frames in transit. */
  clearFaults(): void {
    this.stalledUntil = 0
    this.bandwidth = 1_000
    this.lastDeliveryAt = this.runtime.now + 1
    for (const frame of this.queue) frame.at = Math.min(frame.at, this.lastDeliveryAt)
    this.scheduleHead()
  }

  sever(): void {
    this.severed = true
    this.queue.length = 0
    this.bytes = 0
  }
}

/** A connection with the state of both ends. */
export class SimulatedConnection {
  readonly id: number
  readonly client: SimulatedProcess
  readonly server: SimulatedProcess
  readonly up: Pipe
  readonly down: Pipe
  serverEvents: PipeEvents | undefined
  /** Whether the server sent `goodbye` with `resume: true` (SYN11). */
  goodbyeSent = false
  /** The close code that the client received. */
  clientCloseCode: number | undefined
  /** Whether each end has learned that the connection is closed. */
  clientState: "open" | "closed" = "open"
  serverState: "open" | "closed" = "open"
  readonly emit: (type: "open" | "message" | "close", event: unknown) => void

  constructor(
    network: SimulatedNetwork,
    id: number,
    client: SimulatedProcess,
    server: SimulatedProcess,
    emit: SimulatedConnection["emit"]
  ) {
    const { runtime } = network
    const random = network.random.stream(`line ${id}`)
    const low = random.int(1, 20)
    const latency = [low, low + random.pick([5, 30, 200])] as const
    this.id = id
    this.client = client
    this.server = server
    this.up = new Pipe(runtime, random.stream("up"), latency)
    this.down = new Pipe(runtime, random.stream("down"), latency)
    this.emit = emit
  }

  /** Whether an end still believes the connection to be open. */
  get isOpen(): boolean {
    return this.clientState === "open" || this.serverState === "open"
  }

  /** Bytes to the client beyond what kernel buffers hold. */
  get unsentBytes(): number {
    return Math.max(0, this.down.bytes - kernelBufferBytes)
  }

  /** What the limit of a send queue is about: `unsentBytes` without the newest frame, and a reply of any length (CON8). */
  get limitedBytes(): number {
    return this.down.bytesBesideLargest - kernelBufferBytes
  }

  /** Lets one end learn that the connection is closed. */
  notifyClosed(side: "client" | "server", code: number): void {
    if (side === "client" && this.clientState === "open") {
      this.clientState = "closed"
      this.clientCloseCode = code
      if (!this.client.killed) this.emit("close", { code })
    }
    if (side === "server" && this.serverState === "open") {
      this.serverState = "closed"
      if (!this.server.killed) this.serverEvents?.onClosed(code)
    }
  }
}

/** The network of one run. */
export class SimulatedNetwork {
  readonly runtime: SimulationRuntime
  readonly random: SeededRandom
  readonly observer: TrafficObserver
  readonly connections = new Set<SimulatedConnection>()
  /** The server that accepts connections at the moment. */
  listener: { readonly process: SimulatedProcess; readonly memory: MemoryConnector["Service"] } | undefined
  /** Hands a frame to the client; a planted bug replaces it. */
  deliverToClient: (connection: SimulatedConnection) => (text: string) => void = (connection) => (text) =>
    connection.emit("message", { data: text })
  private nextConnectionId = 0

  constructor(runtime: SimulationRuntime, observer: TrafficObserver) {
    this.runtime = runtime
    this.random = runtime.random.stream("network")
    this.observer = observer
  }

  /** Opens a connection, or fails it with 1006 when no server listens. */
  connect(client: SimulatedProcess): MemoryClient {
    const listeners = new Map<string, Array<(event: unknown) => void>>()
    const emit = (type: string, event: unknown) => {
      if (!client.killed) listeners.get(type)?.forEach((listener) => listener(event))
    }
    const addEventListener: MemoryClient["addEventListener"] = (type, listener) => {
      listeners.set(type, [...listeners.get(type) ?? [], listener])
    }
    const { listener } = this
    if (listener === undefined) {
      client.schedule(this.random.int(1, 40), () => emit("close", { code: 1006 }))
      return { addEventListener, send: () => undefined, close: () => undefined }
    }
    const connection = new SimulatedConnection(this, this.nextConnectionId++, client, listener.process, emit)
    this.connections.add(connection)
    this.runtime.record(`connection ${connection.id} of ${client.name}`)
    connection.up.push(1, () => this.accept(connection, listener.memory))
    return {
      addEventListener,
      send: (text) => {
        if (connection.clientState === "closed") return
        this.observer.clientSent(connection, text)
        connection.up.push(
          text.length,
          () => this.runOnServer(connection, () => connection.serverEvents?.onMessage(text))
        )
      },
      close: (code) => {
        connection.up.push(1, () => {
          connection.notifyClosed("server", code)
          this.removeIfClosed(connection)
        })
        connection.clientState = "closed"
      }
    }
  }

  private accept(connection: SimulatedConnection, memory: MemoryConnector["Service"]): void {
    if (connection.server.killed) return this.disconnect(connection, "both")
    const deliverToClient = this.deliverToClient(connection)
    this.observer.connectionOpened(connection)
    connection.serverEvents = memory.accept({
      write: (texts) => {
        for (const text of texts) {
          this.observer.serverSent(connection, text)
          connection.down.push(text.length, () => {
            const unsentBefore = connection.unsentBytes + text.length
            if (connection.clientState === "open" && !connection.client.killed) {
              deliverToClient(text)
              this.observer.clientReceived(connection)
            }
            if (unsentBefore > 0 && connection.unsentBytes === 0) {
              this.runOnServer(connection, () => connection.serverEvents?.onDrained())
            }
          })
        }
      },
      unsentBytes: () => connection.unsentBytes,
      ping: () =>
        connection.down.push(
          6,
          () => connection.up.push(6, () => this.runOnServer(connection, () => connection.serverEvents?.onPong()))
        ),
      close: (code) => {
        connection.down.push(1, () => {
          connection.notifyClosed("client", code)
          connection.up.push(1, () => {
            connection.notifyClosed("server", code)
            this.removeIfClosed(connection)
          })
        })
      }
    })
    if (connection.serverEvents === undefined) return this.disconnect(connection, "both")
    connection.down.push(1, () => connection.clientState === "open" && connection.emit("open", {}))
  }

  private runOnServer(connection: SimulatedConnection, run: () => void): void {
    if (!connection.server.killed && connection.serverState === "open") run()
  }

  private removeIfClosed(connection: SimulatedConnection): void {
    if (!connection.isOpen) this.connections.delete(connection)
  }

  /** Cuts a connection: frames in transit are lost, and the ends that `mode` names learn of it within 50 ms. */
  disconnect(connection: SimulatedConnection, mode: DisconnectMode): void {
    this.runtime.record(`cut ${connection.id}: ${mode}`)
    connection.up.sever()
    connection.down.sever()
    const notify = (side: "client" | "server") =>
      this.runtime.schedule(this.random.int(0, 50), () => {
        connection.notifyClosed(side, 1006)
        this.removeIfClosed(connection)
      })
    if (mode === "both" || mode === "client notified") notify("client")
    if (mode === "both" || mode === "server notified") notify("server")
  }

  /** Holds back one direction for `millis`. */
  stall(connection: SimulatedConnection, side: "up" | "down", millis: number): void {
    this.runtime.record(`stall ${connection.id} ${side} ${millis}`)
    connection[side].stalledUntil = this.runtime.now + millis
  }

  /** Cuts every connection of a crashed server. */
  serverCrashed(server: SimulatedProcess, silent: boolean): void {
    for (const connection of this.connections) {
      if (connection.server === server) this.disconnect(connection, silent ? "silent" : "client notified")
    }
  }

  /** Removes every fault; half-open connections are closed at both ends. */
  heal(): void {
    for (const connection of this.connections) {
      connection.up.clearFaults()
      connection.down.clearFaults()
      if (connection.up.severed || connection.server.killed) this.disconnect(connection, "both")
    }
  }
}
