/**
 * A user at a device: draws commands, queries and signals from the seed and sends them through the real client, and
 * checks that every replica equals the fold of the log (TOP2).
 */
import { Effect, Exit, Scope } from "effect"
import { isDeepStrictEqual } from "node:util"
import { kindOf, type TopicId } from "../../../domain/protocol/Ids.ts"
import { authorOf } from "../../../domain/protocol/Principal.ts"
import { noOpenings } from "../../../domain/protocol/Seal.ts"
import { roomKind } from "../../../domain/room/Room.ts"
import type * as RoomModel from "../../../domain/room/RoomModel.ts"
import { threadKind } from "../../../domain/thread/Thread.ts"
import type * as ThreadModel from "../../../domain/thread/ThreadModel.ts"
import type { SimulatedNetwork } from "../cluster/SimulatedNetwork.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import { makeMark } from "../oracle/TextMarks.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import { SimulatedProcess } from "../runtime/SimulatedProcess.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import * as TestKeys from "../runtime/TestKeys.ts"
import { DeviceProcess } from "./DeviceProcess.ts"
import { type Command, PendingCommands } from "./PendingCommands.ts"
import * as PrivateThreadWorkload from "./PrivateThreadWorkload.ts"
import * as PublicThreadWorkload from "./PublicThreadWorkload.ts"
import * as RoomWorkload from "./RoomWorkload.ts"
import { connectWithToken } from "./TokenConnection.ts"

const { privateThreads } = PrivateThreadWorkload
const { sharedRoom } = RoomWorkload
const { publicThread } = PublicThreadWorkload

/** The workload of one user at one device. */
export class UserWorkload {
  readonly name: string
  readonly device: string
  private readonly runtime: SimulationRuntime
  private readonly network: SimulatedNetwork
  private readonly oracle: DurableModel
  private readonly random: SeededRandom
  private readonly clockSkew: number
  private readonly lastChecked = new Map<TopicId, unknown>()
  private readonly pendingCommands: PendingCommands
  private processCount = 0
  private deviceProcess: DeviceProcess
  private thinkTime: readonly [number, number]
  private busy = true
  private running = true

  constructor(
    runtime: SimulationRuntime,
    network: SimulatedNetwork,
    oracle: DurableModel,
    name: string,
    device: string
  ) {
    this.runtime = runtime
    this.network = network
    this.oracle = oracle
    this.name = name
    this.device = device
    this.random = runtime.random.stream(`person ${name} ${device}`)
    this.thinkTime = this.random.pick([[50, 500], [100, 1_500], [300, 3_000]])
    this.clockSkew = this.random.chance(0.3) ? this.random.int(-3_600_000, 3_600_000) : 0
    this.pendingCommands = new PendingCommands(runtime, oracle, this.random)
    this.deviceProcess = this.startProcess()
    this.runtime.schedule(this.random.int(10, 1_000), () => this.performNextAction())
    this.runtime.schedule(500, () => this.maintainSubscriptions())
  }

  private get userId() {
    return TestKeys.userIdOf(this.name)
  }

  private startProcess(): DeviceProcess {
    const process = new SimulatedProcess(
      this.runtime,
      `${this.name}-${this.device}-${this.processCount++}`,
      this.clockSkew
    )
    return new DeviceProcess(process, this.network, this.oracle, this.name)
  }

  /** The client's replica of a topic. */
  private replica(topic: TopicId) {
    return this.deviceProcess.client.state().replicas.get(topic)
  }

  // -- Operations --

  private performNextAction(): void {
    if (!this.busy) return
    const { client, subscriptions } = this.deviceProcess
    for (const topic of [publicThread, sharedRoom]) if (!subscriptions.has(topic)) this.subscribe(topic)
    if (client.phase()._tag === "Disconnected" && this.random.chance(0.5)) client.start()
    // Closed loop: a user with too many commands outstanding waits.
    if (this.pendingCommands.count < 8) this.performAction()
    this.sendPrivateThreadCommands()
    if (this.random.chance(0.05)) this.eraseOwnText()
    this.runtime.schedule(this.random.int(...this.thinkTime), () => this.performNextAction())
  }

  /** As an application would: subscribes again after a refusal, and reconnects after `Disconnected`. */
  private maintainSubscriptions(): void {
    const { client, subscriptions } = this.deviceProcess
    if (client.phase()._tag === "Disconnected" && (!this.busy || this.random.chance(0.3))) client.start()
    const topics = [...subscriptions.keys()]
    for (const topic of topics) {
      if (this.replica(topic)?.sync._tag === "Refused" && (!privateThreads.includes(topic) || this.busy)) {
        this.unsubscribe(topic)
        this.subscribe(topic)
      }
    }
    this.runtime.schedule(700, () => {
      if (this.running) this.maintainSubscriptions()
    })
  }

  private subscribe(topic: TopicId): void {
    const { client, subscriptions } = this.deviceProcess
    const ignoreView = () => undefined
    subscriptions.set(
      topic,
      kindOf(topic) === "room"
        ? client.topic(roomKind, topic).onView(ignoreView)
        : client.topic(threadKind, topic).onView(ignoreView)
    )
  }

  private unsubscribe(topic: TopicId): void {
    this.deviceProcess.subscriptions.get(topic)?.()
    this.deviceProcess.subscriptions.delete(topic)
  }

  private performAction(): void {
    const roll = this.random.int(0, 99)
    const state = this.replica(publicThread)?.confirmed as ThreadModel.State | undefined
    if (this.name === "ann" && state?.status === "absent") {
      return this.send(publicThread, { _tag: "create_thread", name: "plaza" })
    }
    const missing = this.name === PrivateThreadWorkload.creator
      ? privateThreads.find((topic) => this.oracle.historyOf(topic)?.entries.length === 0)
      : undefined
    if (missing !== undefined) {
      this.subscribe(missing)
      this.send(missing, { _tag: "create_thread", name: "private", visibility: "members" })
      return this.send(missing, { _tag: "submit_message", content: this.makeText(missing) })
    }
    if (roll < 35) return this.sendRoomCommand()
    if (roll < 85) {
      return state &&
        this.send(
          publicThread,
          PublicThreadWorkload.nextThreadCommand(this.random, state, () => this.makeText(publicThread))
        )
    }
    this.performSideAction(roll)
  }

  private performSideAction(roll: number): void {
    const { client, subscriptions } = this.deviceProcess
    if (roll < 88) return client.topic(roomKind, sharedRoom).signal("cursor", this.random.int(0, 99))
    if (roll < 91) {
      const privateThread = this.random.pick(privateThreads)
      return subscriptions.has(privateThread)
        ? this.unsubscribe(privateThread)
        : this.subscribe(privateThread)
    }
    if (roll < 93) return this.deviceProcess.process.run(Effect.ignore(client.threads({ public: true })))
    if (roll < 95) return this.deviceProcess.process.run(Effect.ignore(client.user))
    if (roll < 97) return this.deviceProcess.process.run(Effect.ignore(client.messages(publicThread)))
    if (roll < 98) return this.unsubscribe(publicThread)
    this.signOut()
  }

  /**
   * Erases an event's texts, its own or at times another user's, which the server rejects. Often texts that a search brought
   * into another thread, where what repeats them must go as well (TOP10).
   */
  private eraseOwnText(): void {
    const priors = this.random.chance(0.5) ? PrivateThreadWorkload.priorsOf(this.oracle, this.userId) : []
    if (priors.length > 0) {
      const { seq, thread } = this.random.pick(priors)
      return this.send(thread, { _tag: "erase", seq })
    }
    const topic = this.random.pick([publicThread, sharedRoom, ...privateThreads])
    const entries = this.oracle.historyOf(topic)?.entries.filter(({ open }) => open !== noOpenings) ?? []
    const own = entries.filter(({ decoded, principal }) =>
      authorOf(principal) === this.userId || (decoded as { readonly author?: string }).author === this.userId
    )
    const candidates = this.random.chance(0.9) ? own : entries
    if (candidates.length > 0) this.send(topic, { _tag: "erase", seq: this.random.pick(candidates).seq })
  }

  /** Signs out while another connection has the session, and shows a token of the session afterwards (SEC7, AUT2). */
  private signOut(): void {
    const { client, process } = this.deviceProcess
    const token = client.state().session?.token
    if (token === undefined) return
    connectWithToken(process, this.network, this.random, token, 5_000)
    process.schedule(this.random.int(100, 1_000), () => process.run(Effect.ignore(client.signOut)))
    process.schedule(this.random.int(500, 4_000), () => {
      connectWithToken(process, this.network, this.random, token, 3_000)
    })
  }

  /** A text that is written for a topic. */
  private makeText(topic: TopicId): string {
    const n = this.random.int(0, 1_000_000)
    // No two texts have so much in common that one repeats the other (TOP10).
    return `${makeMark(topic, n)} by ${this.deviceProcess.instance} ${`${n} `.repeat(this.random.pick([0, 2, 60]))}`
  }

  private send(topic: TopicId, command: Command): void {
    this.pendingCommands.send(this.deviceProcess, topic, command)
  }

  private sendRoomCommand(): void {
    const state = this.replica(sharedRoom)?.confirmed as RoomModel.State | undefined
    if (state !== undefined) {
      this.send(
        sharedRoom,
        RoomWorkload.nextRoomCommand(this.random, this.userId, state, () => this.makeText(sharedRoom))
      )
    }
  }

  /** Sends commands at once, with a signal or a query behind them: one that follows a divestment must be rejected. */
  private sendPrivateThreadCommands(): void {
    const stateOf = (topic: TopicId) => this.replica(topic)?.confirmed as ThreadModel.State | undefined
    // Often while a search is under way: who joins then must not read what it finds (CHO13).
    const searching = privateThreads.find((topic) => PrivateThreadWorkload.isSearching(stateOf(topic)))
    const privateThread = searching ?? this.random.pick(privateThreads)
    const isMember = stateOf(privateThread)?.co_authors.includes(this.userId) === true
    if (!this.random.chance(searching !== undefined ? 0.8 : isMember ? 0.5 : 0.1)) return
    if (this.oracle.historyOf(privateThread)?.entries.length === 0) return
    if (!this.deviceProcess.subscriptions.has(privateThread)) this.subscribe(privateThread)
    const makeText = () => this.makeText(privateThread)
    for (
      const command of PrivateThreadWorkload.nextCommands(this.random, this.userId, stateOf(privateThread), makeText)
    ) {
      this.send(privateThread, command)
    }
    if (this.random.chance(0.3)) {
      this.deviceProcess.client.topic(threadKind, privateThread).signal("cursor", this.random.int(0, 99))
    }
    if (this.random.chance(0.2)) {
      this.deviceProcess.process.run(Effect.ignore(this.deviceProcess.client.messages(privateThread)))
    }
  }

  // -- Faults --

  /** Reloads the page: outcomes of outstanding commands stay unknown. */
  reload(): void {
    const { process } = this.deviceProcess
    process.kill()
    for (const connection of this.network.connections) {
      if (connection.client === process) this.network.disconnect(connection, "server notified")
    }
    this.pendingCommands.abandonAll()
    this.deviceProcess = this.startProcess()
  }

  /** Corrupts the replica of the public thread (0) or the room (1). */
  corruptReplica(topic: number): void {
    this.deviceProcess.corruption.corrupt(
      this.deviceProcess.client.state().replicas,
      topic === 0 ? publicThread : sharedRoom
    )
  }

  /** Stops the client for `millis`. */
  goOffline(millis: number): void {
    const { client, process } = this.deviceProcess
    client.stop()
    process.schedule(millis, () => client.start())
  }

  /** Ends the workload; the device only catches up from now on. */
  quiesce(): void {
    this.busy = false
    // Every answer to `subscribe` carries a state hash, which reveals the corruption (SYN7).
    if (this.deviceProcess.corruption.hasCorruption) this.goOffline(1)
    for (const topic of [publicThread, sharedRoom]) {
      if (!this.deviceProcess.subscriptions.has(topic)) this.subscribe(topic)
    }
  }

  /** Whether the client is connected and signed in. */
  get isOnline(): boolean {
    return this.deviceProcess.client.state().connection._tag === "Online"
  }

  /** Why this device is not quiescent; undefined when it is. */
  get quiescenceBlocker(): string | undefined {
    const { client, corruption, instance, subscriptions } = this.deviceProcess
    const state = client.state()
    if (this.pendingCommands.count > 0) return `${instance} waits for ${this.pendingCommands.count} outcomes`
    if (state.connection._tag !== "Online") return `${instance} is ${client.phase()._tag}`
    if (state.outbox.length > 0) return `${instance} has ${state.outbox.length} in its outbox`
    for (const topic of subscriptions.keys()) {
      const replica = state.replicas.get(topic)
      if (privateThreads.includes(topic) && replica?.sync._tag === "Refused") continue
      if (replica !== undefined && corruption.isCorrupt(replica)) {
        return `${instance}'s replica of ${topic} is corrupt`
      }
      const durable = this.oracle.historyOf(topic)?.entries.length
      if (replica?.sync._tag !== "Live") return `${instance} is not live on ${topic}: ${replica?.sync._tag}`
      if (replica.position?.seq !== durable) {
        return `${instance} is at ${replica.position?.seq} of ${durable} on ${topic}`
      }
    }
    return undefined
  }

  /** Every replica equals the fold of a prefix of the log, texts included, and knows its last entry's hash; at quiescence without optimistic commands on top. */
  checkReplicas(quiescent: boolean): void {
    for (const replica of this.deviceProcess.client.state().replicas.values()) {
      if (replica.position === undefined || this.deviceProcess.corruption.isCorrupt(replica)) continue
      if (!quiescent && this.lastChecked.get(replica.topic) === replica.confirmed) continue
      this.lastChecked.set(replica.topic, replica.confirmed)
      const history = this.oracle.historyOf(replica.topic)
      if (!this.oracle.isStateAt(replica.topic, replica.position.seq, replica.confirmed)) {
        this.runtime.reportViolation(
          "TOP2",
          `${this.deviceProcess.instance}'s ${replica.topic} is not the fold at ${replica.position.seq}`
        )
      }
      if (replica.head !== (history?.entries[replica.position.seq - 1]?.hash ?? "")) {
        this.runtime.reportViolation(
          "TOP5",
          `${this.deviceProcess.instance}'s ${replica.topic} has another head at ${replica.position.seq}`
        )
      }
      if (quiescent && !isDeepStrictEqual(replica.state, replica.confirmed)) {
        this.runtime.reportViolation(
          "SYN10",
          `${this.deviceProcess.instance} still has optimistic commands on ${replica.topic}`
        )
      }
    }
  }

  /** Closes the client. */
  shutDown(): void {
    this.running = false
    this.deviceProcess.process.run(Scope.close(this.deviceProcess.scope, Exit.void))
  }

  /** Number of timers and fibers that remain of the process. */
  get leakedResources(): number {
    return this.runtime.pendingTimersOf(this.deviceProcess.process) + this.deviceProcess.process.fibers.size
  }
}
