/** What a person sends from a device, again and again until there is an answer. */
import { Effect, Exit } from "effect"
import { ClientError } from "../../src/client/Fault.ts"
import { CommandId, kindOf, type TopicId } from "../../src/domain/Ids.ts"
import { room } from "../../src/domain/kinds/Room.ts"
import type * as RoomModel from "../../src/domain/kinds/RoomModel.ts"
import { thread } from "../../src/domain/kinds/Thread.ts"
import type * as ThreadModel from "../../src/domain/kinds/ThreadModel.ts"
import * as Entropy from "../../src/layers/Entropy.ts"
import type { Dice } from "./Dice.ts"
import type { Life } from "./Life.ts"
import type { Send, Truth } from "./Truth.ts"
import type { World } from "./World.ts"

type Command = ThreadModel.Command | RoomModel.Command

export class Errands {
  private readonly world: World
  private readonly truth: Truth
  private readonly dice: Dice
  private readonly open = new Set<Send>()

  constructor(world: World, truth: Truth, dice: Dice) {
    this.world = world
    this.truth = truth
    this.dice = dice
  }

  /** How many have no answer. */
  get waiting(): number {
    return this.open.size
  }

  send(life: Life, topic: TopicId, command: Command): void {
    const send: Send = {
      id: CommandId.make(Entropy.uuid(this.dice)),
      topic,
      by: life.instance,
      order: life.sent++,
      retried: false,
      outcome: "open"
    }
    this.truth.sends.set(send.id, send)
    this.open.add(send)
    this.attempt(life, send, command)
  }

  /** Whoever sent them is gone: how they end is heard by nobody. */
  lose(): void {
    for (const send of this.open) send.outcome = "lost"
    this.open.clear()
  }

  private attempt(life: Life, send: Send, command: Command): void {
    const on = kindOf(send.topic) === "room"
      ? life.client.topic(room, send.topic).send(command as RoomModel.Command, send.id)
      : life.client.topic(thread, send.topic).send(command as ThreadModel.Command, send.id)
    life.process.run(
      Effect.map(Effect.exit(on), (exit) => {
        if (Exit.isSuccess(exit)) return this.resolve(send, "receipt")
        const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        if (!(error instanceof ClientError)) return this.resolve(send, "lost")
        if (!error.retryable && error.reason.code !== "closed") return this.resolve(send, "refused")
        send.retried = true
        life.process.after(this.dice.int(100, 2_000), () => this.attempt(life, send, command))
      })
    )
  }

  private resolve(send: Send, outcome: Send["outcome"]): void {
    send.outcome = outcome
    this.open.delete(send)
    this.world.note(`${send.id} ${outcome}`)
    const logged = this.truth.at(send.topic)?.causes.has(send.id) ?? false
    if (outcome === "refused" && logged) this.world.violate("SYN5", `${send.id} was refused, and is in the log`)
  }
}
