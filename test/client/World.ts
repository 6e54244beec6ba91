/**
 * One client machine, one scripted server and the network between them, moved
 * by hand: nothing is delivered, lost or repeated unless a test says so.
 */
import { Result } from "effect"
import * as Link from "../../src/client/Link.ts"
import * as Machine from "../../src/client/Machine.ts"
import type { Config, Intent, Message, Sent, State } from "../../src/client/Model.ts"
import type { Replica } from "../../src/client/Replica.ts"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { CommandId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as Room from "../../src/domain/kinds/RoomModel.ts"
import { me, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

export const config: Config = {
  kinds: new Map([[room.name, room]]),
  me,
  instance: "3f0c8a3e-94a3-4d4c-b9c4-2a8d5b1e0001",
  host: "choir.test"
}

export class World extends ScriptedServer {
  state: State = Machine.initial(config)
  /** What the client sent and the server has not read. */
  toServer: Array<Sent> = []
  /** Every intent of the client, in order. */
  readonly intents: Array<Intent> = []
  readonly outcomes = new Map<string, ReadonlyArray<boolean>>()
  /** Whether anybody can connect. */
  up = true

  constructor() {
    super(me)
    this.put({ _tag: "Watched", topic })
    this.put({ _tag: "Started" })
  }

  get socket(): number {
    return Link.socketOf(this.state.link)
  }

  /** Puts a message to the client, and plays the shell to what it wants. */
  put(message: Message extends infer M ? M extends Message ? Omit<M, "at"> : never : never): void {
    const [state, intents] = Machine.step(config, this.state, { ...message, at: this.now } as Message)
    this.state = state
    this.intents.push(...intents)
    for (const intent of intents) this.perform(intent)
  }

  private perform(intent: Intent): void {
    switch (intent._tag) {
      case "Open":
        this.hangUp()
        return this.up
          ? this.put({ _tag: "Opened", socket: intent.socket })
          : this.put({ _tag: "Closed", socket: intent.socket, code: 1006, random: 1 })
      case "Close":
        return void this.hangUp()
      case "Send":
        return void this.toServer.push(intent.envelope)
      case "Sign":
        return this.put({ _tag: "Signed", socket: intent.socket, signature: "c2lnbmVk" })
      case "Settle":
        return void this.outcomes.set(intent.id, [
          ...this.outcomes.get(intent.id) ?? [],
          Result.isSuccess(intent.outcome)
        ])
      case "Reply":
      case "Tell":
        return undefined
    }
  }

  private hangUp(): void {
    this.toServer = []
    this.disconnect()
  }

  /** The connection is cut: what is under way is lost. */
  cut(code: number = 1006): void {
    const { socket } = this
    this.hangUp()
    if (socket !== -1) this.put({ _tag: "Closed", socket, code, random: 0.5 })
  }

  /** Lets time pass to the client's next wake, at most `millis` away. */
  pass(millis: number): void {
    const due = Machine.nextWake(this.state)
    this.now = due === undefined || due > this.now + millis ? this.now + millis : Math.max(due, this.now)
    if (due !== undefined && due <= this.now) this.put({ _tag: "Ticked", random: 0.5 })
  }

  /** The server reads one message. */
  serve(): boolean {
    const message = this.toServer.shift()
    if (message !== undefined) this.answer(message)
    return message !== undefined
  }

  /** The client reads one frame, or reads it `times` times over. */
  deliver(times = 1): boolean {
    const value = this.toClient.shift()
    if (value === undefined) return false
    for (let i = 0; i < times; i++) this.put({ _tag: "Received", socket: this.socket, value })
    return true
  }

  /** A delta that is on its way is lost. */
  lose(): void {
    const index = this.toClient.findIndex((frame) => (frame as { readonly type: string }).type === "delta")
    if (index !== -1) this.toClient.splice(index, 1)
  }

  /** Everything that can arrive arrives. */
  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      if (this.serve() || this.deliver()) continue
      if (Machine.phase(this.state)._tag === "Subscribed" && this.state.outbox.length === 0) return
      this.pass(60_000)
    }
  }

  command(n: number, command: Room.Command): void {
    this.put({ _tag: "Commanded", id: CommandId.make(uuid(n)), topic, command, seed: n })
  }

  /** The server's log was restored to an earlier point: another epoch (SYN8). */
  restore(): void {
    this.log = this.log.slice(0, Math.max(2, this.log.length - 1))
    this.seqs.clear()
    this.epoch = `${this.epoch}'`
    this.cut(closeCode.stateReset)
  }
}

/** The client's copy. */
export const replica = (world: World): Replica => world.state.replicas.get(topic)!
/** What has been said in a room. */
export const posts = (state: unknown): ReadonlyArray<unknown> => (state as Room.State).posts.map((post) => post.content)

/** Connected, and subscribed. */
export const online = (): World => {
  const world = new World()
  world.settle()
  return world
}
