/**
 * The commands of one device that have no final outcome yet. Each is retried under the same id and salt until it gets a receipt
 * or a final rejection, which is recorded in the oracle.
 */
import { Effect, Exit } from "effect"
import { ClientError } from "../../../client/ClientError.ts"
import { CommandId, kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import { roomKind } from "../../../domain/room/Room.ts"
import type * as RoomModel from "../../../domain/room/RoomModel.ts"
import { threadKind } from "../../../domain/thread/Thread.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { Erase } from "../../../domain/topic/Erasure.ts"
import * as Entropy from "../../../layers/runtime/Entropy.ts"
import type { DurableModel, SentCommand } from "../oracle/DurableModel.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import type { DeviceProcess } from "./DeviceProcess.ts"

/** A command of the workload, as it is sent. */
export type Command = ThreadModel.CommandInput | RoomModel.CommandInput | typeof Erase.Encoded

/** The codes with which a client that gives up fails what is pending: whether the server decided it is not known. */
const endsClient: ReadonlySet<string> = new Set(["closed", "auth_failed"])

/** Sends and retries the commands of one device. */
export class PendingCommands {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly random: SeededRandom
  private readonly pending = new Set<SentCommand>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel, random: SeededRandom) {
    this.runtime = runtime
    this.oracle = oracle
    this.random = random
  }

  /** Number of commands without an outcome. */
  get count(): number {
    return this.pending.size
  }

  /** Sends a new command and retries it until its outcome is known. */
  send(device: DeviceProcess, topic: TopicId, command: Command): void {
    const sent: SentCommand = {
      id: CommandId.make(Entropy.randomUuid(this.random)),
      salt: Buffer.from(this.random.bytes(24)).toString("base64url"),
      topic,
      author: device.author,
      signed: device.signsCommands,
      clientInstance: device.instance,
      sequence: device.sentCount++,
      retried: false,
      outcome: "pending"
    }
    this.oracle.sentCommands.set(sent.id, sent)
    this.pending.add(sent)
    this.attempt(device, sent, command)
  }

  /** The device was reloaded: their outcomes stay unknown. */
  abandonAll(): void {
    for (const sent of this.pending) sent.outcome = "lost"
    this.pending.clear()
  }

  private attempt(device: DeviceProcess, sent: SentCommand, command: Command): void {
    const result = kindOf(sent.topic) === "room"
      ? device.client.topic(roomKind, sent.topic).send(command as RoomModel.CommandInput, sent.id, sent.salt)
      : device.client.topic(threadKind, sent.topic).send(command as ThreadModel.CommandInput, sent.id, sent.salt)
    device.process.run(
      Effect.map(Effect.exit(result), (exit) => {
        if (Exit.isSuccess(exit)) return this.complete(sent, "receipt")
        const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        if (!(error instanceof ClientError)) return this.complete(sent, "lost")
        if (!error.retryable && !endsClient.has(error.reason.code)) return this.complete(sent, "rejected")
        sent.retried = true
        device.process.schedule(this.random.int(100, 2_000), () => this.attempt(device, sent, command))
      })
    )
  }

  private complete(sent: SentCommand, outcome: SentCommand["outcome"]): void {
    sent.outcome = outcome
    this.pending.delete(sent)
    this.runtime.record(`${sent.id} ${outcome}`)
    const isLogged = this.oracle.historyOf(sent.topic)?.commandSeqs.has(sent.id) ?? false
    if (outcome === "rejected" && isLogged) {
      this.runtime.reportViolation("SYN5", `${sent.id} was rejected, but is in the log`)
    }
  }
}
