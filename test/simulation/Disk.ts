/**
 * The disk under the event log: what was synced survives a crash, what was
 * pending may not. It stalls, fails, is full, and sometimes reports a commit
 * as failed that was not.
 *
 * What is durable is kept by the real in-memory log, outside of all servers.
 */
import { Context, Effect, type Exit, Layer } from "effect"
import type { TopicId } from "../../src/domain/Ids.ts"
import type { Entry } from "../../src/domain/Log.ts"
import * as Memory from "../../src/layers/eventlog/Memory.ts"
import * as Store from "../../src/layers/sessions/Store.ts"
import { Directory } from "../../src/services/Directory.ts"
import { type Append, EventLog, EventLogError, LogUnavailable, type Snapshot } from "../../src/services/EventLog.ts"
import { type Session, Sessions } from "../../src/services/Sessions.ts"
import type { Dice } from "./Dice.ts"
import { Process } from "./Process.ts"
import type { World } from "./World.ts"

type Outcome = Exit.Exit<ReadonlyArray<Entry>, EventLogError>

interface Pending {
  readonly process: Process
  readonly append: Append
  readonly resume: (outcome: Effect.Effect<ReadonlyArray<Entry>, EventLogError>) => void
}

export interface Wishes {
  /** An append became durable. */
  readonly synced: (append: Append, entries: ReadonlyArray<Entry>) => void
  /** The server that asked for it has been told. */
  readonly told: (append: Append, entries: ReadonlyArray<Entry>) => void
}

const unavailable = (operation: string, full = false) =>
  new EventLogError({ reason: new LogUnavailable({ operation, full, cause: "simulated" }) })

export class Disk {
  readonly world: World
  readonly dice: Dice
  stalledUntil = 0
  failingUntil = 0
  fullUntil = 0
  /** How often a commit that succeeds is reported as failed. */
  doubt = 0
  private readonly wishes: Wishes
  private readonly process: Process
  private readonly log: EventLog["Service"]
  private readonly directory: Directory["Service"]
  private readonly sessions = new Map<string, Session>()
  /** Who is told of appends, by server. */
  private readonly listeners = new Map<Process, Set<(topic: TopicId) => void>>()
  private pending: Array<Pending> = []
  private syncing: ReadonlyArray<Pending> = []

  constructor(world: World, wishes: Wishes) {
    this.world = world
    this.wishes = wishes
    this.process = new Process(world, "disk")
    this.dice = this.process.dice
    const context = Effect.runSync(Effect.scoped(Layer.build(Memory.layer)))
    this.log = Context.get(context, EventLog)
    this.directory = Context.get(context, Directory)
  }

  get idle(): boolean {
    return this.pending.length + this.syncing.length === 0
  }

  /** What is durable right now, for those who check. */
  peek<A>(use: (log: EventLog["Service"]) => Effect.Effect<A, EventLogError>): A {
    return Effect.runSync(Effect.orDie(use(this.log)))
  }

  /** Every topic that has a log. */
  get topics(): ReadonlyArray<TopicId> {
    return this.peek((log) => log.lagging("checker")).map(({ topic }) => topic)
  }

  // -- Writing: group commit --

  private append(process: Process, append: Append): Effect.Effect<ReadonlyArray<Entry>, EventLogError> {
    return Effect.callback((resume) => {
      this.pending.push({ process, append, resume })
      this.sync()
    })
  }

  private sync(): void {
    if (this.pending.length === 0 || this.syncing.length > 0) return
    this.syncing = this.pending
    this.pending = []
    const usual = this.dice.chance(0.1) ? this.dice.int(50, 300) : this.dice.int(1, 10)
    const wait = Math.max(usual, this.stalledUntil - this.world.now)
    const group = this.syncing
    // A group that lost its server while it waited is found empty.
    this.world.after(wait, () => {
      if (this.syncing === group) this.finish()
    })
  }

  private finish(): void {
    const group = this.syncing
    const { now } = this.world
    if (now < this.fullUntil || now < this.failingUntil) {
      this.world.note("disk refuses")
      this.syncing = []
      for (const one of group) one.resume(Effect.fail(unavailable("append", now < this.fullUntil)))
      return this.sync()
    }
    const doubted = this.dice.chance(this.doubt)
    this.commit(group, (outcomes) => {
      if (this.syncing === group) this.syncing = []
      for (const [i, one] of group.entries()) {
        if (one.process.dead) continue
        const outcome = outcomes[i]!
        // As the real log does it: who follows it hears of what is reported as failed as well.
        if (outcome._tag === "Success") this.listeners.get(one.process)?.forEach((hear) => hear(one.append.topic))
        if (outcome._tag === "Success" && !doubted) this.wishes.told(one.append, outcome.value)
        one.resume(doubted ? Effect.fail(unavailable("append")) : outcome)
      }
      this.sync()
    })
  }

  private commit(group: ReadonlyArray<Pending>, then: (outcomes: ReadonlyArray<Outcome>) => void): void {
    this.process.run(
      Effect.forEach(
        group,
        ({ append }) =>
          Effect.exit(this.log.append(append)).pipe(Effect.tap((outcome) =>
            Effect.sync(() => {
              if (outcome._tag === "Success") this.wishes.synced(append, outcome.value)
            })
          ))
      ).pipe(Effect.map(then))
    )
  }

  /** The server that wrote here is dead: what was pending is lost; what was being synced, perhaps. */
  crash(server: Process): void {
    const inDoubt = this.syncing.filter(({ process }) => process === server)
    this.pending = this.pending.filter(({ process }) => process !== server)
    this.syncing = []
    this.listeners.delete(server)
    if (inDoubt.length > 0 && this.dice.chance(0.4)) this.commit(inDoubt, () => undefined)
  }

  private slowly<A, E>(effect: Effect.Effect<A, E>, operation: string): Effect.Effect<A, E | EventLogError> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.sleep(this.dice.int(0, 8))
      if (this.world.now < this.failingUntil && this.dice.chance(0.5)) return yield* unavailable(operation)
      return yield* effect
    })
  }

  // -- The services of one server --

  logFor(process: Process): EventLog["Service"] {
    const { log } = this
    return EventLog.of({
      append: (append) => this.append(process, append),
      head: (topic) => this.slowly(log.head(topic), "head"),
      read: (topic, range) => this.slowly(log.read(topic, range), "read"),
      outcome: (topic, command) => this.slowly(log.outcome(topic, command), "outcome"),
      snapshot: (topic) => this.slowly(log.snapshot(topic), "snapshot"),
      saveSnapshot: (topic: TopicId, snapshot: Snapshot) =>
        this.slowly(log.saveSnapshot(topic, snapshot), "saveSnapshot"),
      waiting: this.slowly(log.waiting, "waiting"),
      lagging: (projection) => this.slowly(log.lagging(projection), "lagging"),
      advance: (projection, topic, seq) => this.slowly(log.advance(projection, topic, seq), "advance"),
      onAppend: (listener) => {
        const listeners = this.listeners.get(process) ?? new Set()
        this.listeners.set(process, listeners.add(listener))
        return () => listeners.delete(listener)
      }
    })
  }

  directoryFor(): Directory["Service"] {
    const { directory } = this
    return {
      list: (user, options) => this.slowly(directory.list(user, options), "list"),
      canRead: (user, topic) => this.slowly(directory.canRead(user, topic), "canRead"),
      memberships: (user) => this.slowly(directory.memberships(user), "memberships")
    }
  }

  /** Sessions in a table; signatures are checked by `verify`, which takes its time. */
  sessionsFor(
    limits: { readonly sessionTtl: number; readonly sessionGrace: number },
    verify: (text: string, user: string, signature: string) => boolean,
    challengeText: (...args: Parameters<Sessions["Service"]["verify"]>) => string
  ): Effect.Effect<Sessions["Service"]> {
    const { sessions } = this
    const slow = <A>(run: () => A) => Effect.andThen(Effect.sleep(this.dice.int(0, 4)), Effect.sync(run))
    return Effect.map(
      Store.make({
        insert: (session) => slow(() => void sessions.set(session.id, session)),
        find: (id) => slow(() => sessions.get(id)),
        setEnd: (id, expiresAt) =>
          slow(() => {
            const session = sessions.get(id)
            if (session !== undefined) sessions.set(id, { ...session, expiresAt })
          }),
        remove: (id) => slow(() => void sessions.delete(id))
      }, limits),
      (made) =>
        Sessions.of({
          ...made,
          verify: (...args) => slow(() => verify(challengeText(...args), args[1], args[2]))
        })
    )
  }
}
