/**
 * The network: between a client and the server two lossless FIFO pipes with
 * latency and bandwidth, until they are cut. What a cut drops is gone.
 */
import type { Endpoint, Memory, Port } from "../../src/layers/socket/Memory.ts"
import type { Dice } from "./Dice.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** How a connection ends by itself. A silent end must be found out. */
export type Cut = "both" | "client hears" | "server hears" | "nobody hears"

/** Who looks on. */
export interface Watcher {
  readonly opened: (line: Line) => void
  /** The server gave this to the network. */
  readonly sent: (line: Line, text: string) => void
  /** The client gave this to the network. */
  readonly asked: (line: Line, text: string) => void
  /** The client has just taken in a frame. */
  readonly arrived: (line: Line) => void
}

/** Bytes that the kernels on the way hold, and which nobody counts. */
const kernel = 4_096

/** One direction. */
class Pipe {
  private readonly world: World
  private readonly dice: Dice
  private readonly latency: readonly [number, number]
  private readonly queue: Array<{ at: number; readonly size: number; readonly deliver: () => void }> = []
  private last = 0
  bytes = 0
  stalledUntil = 0
  /** Bytes a millisecond. */
  bandwidth = 1_000
  broken = false

  constructor(world: World, dice: Dice, latency: readonly [number, number]) {
    this.world = world
    this.dice = dice
    this.latency = latency
  }

  push(size: number, deliver: () => void): void {
    if (this.broken) return
    const [low, high] = this.latency
    const earliest = Math.max(this.last, this.world.now + this.dice.int(low, high))
    this.last = earliest + Math.floor(size / this.bandwidth)
    this.bytes += size
    this.queue.push({ at: this.last, size, deliver })
    if (this.queue.length === 1) this.arm()
  }

  private arm(): void {
    const [head] = this.queue
    if (head === undefined) return
    this.world.after(Math.max(head.at, this.stalledUntil) - this.world.now, () => {
      if (this.broken || this.queue[0] !== head) return
      if (this.world.now < this.stalledUntil) return this.arm()
      this.queue.shift()
      this.bytes -= head.size
      this.arm()
      head.deliver()
    })
  }

  /** Nothing holds up what is under way any more. */
  hurry(): void {
    this.stalledUntil = 0
    this.bandwidth = 1_000
    this.last = this.world.now + 1
    for (const one of this.queue) one.at = Math.min(one.at, this.last)
    this.arm()
  }

  break(): void {
    this.broken = true
    this.queue.length = 0
    this.bytes = 0
  }
}

/** A connection as the network knows it. */
export class Line {
  readonly id: number
  readonly client: Process
  readonly server: Process
  readonly up: Pipe
  readonly down: Pipe
  port: Port | undefined
  /** Whether somebody cut it, stalled it, or asked it to close. */
  disturbed = false
  /** Whether the server announced that it goes, and lets the client come back (SYN11). */
  saidGoodbye = false
  /** What the client was told when it was over. */
  code: number | undefined
  /** Ends that do not know yet. */
  clientThinks: "open" | "closed" = "open"
  serverThinks: "open" | "closed" = "open"
  readonly emit: (type: "open" | "message" | "close", event: unknown) => void

  constructor(network: Network, id: number, client: Process, server: Process, emit: Line["emit"]) {
    const { world } = network
    const dice = network.dice.stream(`line ${id}`)
    const low = dice.int(1, 20)
    const latency = [low, low + dice.pick([5, 30, 200])] as const
    this.id = id
    this.client = client
    this.server = server
    this.up = new Pipe(world, dice.stream("up"), latency)
    this.down = new Pipe(world, dice.stream("down"), latency)
    this.emit = emit
  }

  get open(): boolean {
    return this.clientThinks === "open" || this.serverThinks === "open"
  }

  get unsent(): number {
    return Math.max(0, this.down.bytes - kernel)
  }

  hearClose(side: "client" | "server", code: number): void {
    if (side === "client" && this.clientThinks === "open") {
      this.clientThinks = "closed"
      this.code = code
      if (!this.client.dead) this.emit("close", { code })
    }
    if (side === "server" && this.serverThinks === "open") {
      this.serverThinks = "closed"
      if (!this.server.dead) this.port?.closed(code)
    }
  }
}

export class Network {
  readonly world: World
  readonly dice: Dice
  readonly watcher: Watcher
  readonly lines = new Set<Line>()
  /** The server that takes connections now. */
  listening: { readonly process: Process; readonly memory: Memory["Service"] } | undefined
  /** How a client's end hands frames to its client; a planted bug replaces it. */
  handOver: (line: Line) => (text: string) => void = (line) => (text) => line.emit("message", { data: text })
  private count = 0

  constructor(world: World, watcher: Watcher) {
    this.world = world
    this.dice = world.dice.stream("network")
    this.watcher = watcher
  }

  connect(client: Process): Endpoint {
    const listeners = new Map<string, Array<(event: unknown) => void>>()
    const emit = (type: string, event: unknown) => {
      if (!client.dead) listeners.get(type)?.forEach((listener) => listener(event))
    }
    const addEventListener: Endpoint["addEventListener"] = (type, listener) => {
      listeners.set(type, [...listeners.get(type) ?? [], listener])
    }
    const { listening } = this
    if (listening === undefined) {
      client.after(this.dice.int(1, 40), () => emit("close", { code: 1006 }))
      return { addEventListener, send: () => undefined, close: () => undefined }
    }
    const line = new Line(this, this.count++, client, listening.process, emit)
    this.lines.add(line)
    this.world.note(`line ${line.id} of ${client.name}`)
    line.up.push(1, () => this.accept(line, listening.memory))
    return {
      addEventListener,
      send: (text) => {
        if (line.clientThinks === "closed") return
        this.watcher.asked(line, text)
        line.up.push(text.length, () => this.atServer(line, () => line.port?.heard(text)))
      },
      close: (code) => {
        line.disturbed = true
        line.up.push(1, () => {
          line.hearClose("server", code)
          this.forget(line)
        })
        line.clientThinks = "closed"
      }
    }
  }

  private accept(line: Line, memory: Memory["Service"]): void {
    if (line.server.dead) return this.cut(line, "both")
    const handOver = this.handOver(line)
    this.watcher.opened(line)
    line.port = memory.accept({
      write: (texts) => {
        for (const text of texts) {
          this.watcher.sent(line, text)
          line.down.push(text.length, () => {
            const before = line.unsent + text.length
            if (line.clientThinks === "open" && !line.client.dead) {
              handOver(text)
              this.watcher.arrived(line)
            }
            if (before > 0 && line.unsent === 0) this.atServer(line, () => line.port?.drained())
          })
        }
      },
      unsent: () => line.unsent,
      ping: () => line.down.push(6, () => line.up.push(6, () => this.atServer(line, () => line.port?.pong()))),
      close: (code) => {
        line.disturbed = true
        line.down.push(1, () => {
          line.hearClose("client", code)
          line.up.push(1, () => {
            line.hearClose("server", code)
            this.forget(line)
          })
        })
      }
    })
    if (line.port === undefined) return this.cut(line, "both")
    line.down.push(1, () => line.clientThinks === "open" && line.emit("open", {}))
  }

  private atServer(line: Line, run: () => void): void {
    if (!line.server.dead && line.serverThinks === "open") run()
  }

  private forget(line: Line): void {
    if (!line.open) this.lines.delete(line)
  }

  /** What is under way is lost; who hears of it hears soon. */
  cut(line: Line, how: Cut): void {
    this.world.note(`cut ${line.id}: ${how}`)
    line.disturbed = true
    line.up.break()
    line.down.break()
    const tell = (side: "client" | "server") =>
      this.world.after(this.dice.int(0, 50), () => {
        line.hearClose(side, 1006)
        this.forget(line)
      })
    if (how === "both" || how === "client hears") tell("client")
    if (how === "both" || how === "server hears") tell("server")
  }

  stall(line: Line, side: "up" | "down", millis: number): void {
    this.world.note(`stall ${line.id} ${side} ${millis}`)
    line[side].stalledUntil = this.world.now + millis
  }

  /** The server's machine is gone or restarted: its connections are. */
  crashed(server: Process, silent: boolean): void {
    for (const line of this.lines) if (line.server === server) this.cut(line, silent ? "nobody hears" : "client hears")
  }

  /** The network heals: whoever still believes in a dead connection is told as soon as it matters. */
  heal(): void {
    for (const line of this.lines) {
      line.up.hurry()
      line.down.hurry()
      if (line.up.broken || line.server.dead) this.cut(line, "both")
    }
  }
}
