/**
 * Erases what repeats an erased text, wherever it was given to a run, and then deletes the text itself (TOP10).
 *
 * **When to use**
 *
 * In a server whose texts can be erased, once per log. `App.layer` includes it. Without it erased texts are out of reach, but
 * stay in the store's files.
 *
 * **Details**
 *
 * The topics that an erased text came into are read from their logs: the text's own, and those that name it as a source; each
 * once for all texts that wait. Runs that were given one are ended and marked first, so that nothing is made from it any more;
 * then the texts that repeat it are erased, each by an event of its topic; then it is deleted. A crash in between repeats the
 * whole, under the same ids.
 *
 * An erasure that fails, such as one of a topic whose log is damaged, is tried again with back-off; the others go on.
 *
 * **Gotchas**
 *
 * - Whoever searches by an index of texts removes them from there on the event `Erased`: `SearchIndexerLive` does.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const thread = Domain.Ids.TopicId.make("thread:one")
 * const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const send = (id: string, input: unknown) =>
 *     topics.submit(thread, { id: Domain.Ids.CommandId.make(id), author, input })
 *   yield* send("create", { _tag: "create_thread", name: "Notes" })
 *   const { seq } = yield* send("m1", { _tag: "submit_message", content: "My number is 555 0100." })
 *   yield* send("e1", { _tag: "erase", seq })
 *   return (yield* topics.stateOf(Domain.Thread.threadKind, thread, author)).messages[0]?.content.text
 * })
 *
 * const server = Layers.TextEraser.layer.pipe(
 *   Layer.provideMerge(Layers.TopicsLocal.layer()),
 *   Layer.provide([Layers.IntentHandlersLive.layer, Layers.EventLogMemory.layer]),
 *   Layer.provide(Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds))
 * )
 * console.log(await Effect.runPromise(Effect.provide(program, server)))
 * // => null
 * ```
 */
import { Array as Arr, Clock, Effect, Latch, Layer } from "effect"
import { delay } from "../../domain/protocol/Backoff.ts"
import { CommandId, type EventAddress, kindOf, type SystemId, type TopicId } from "../../domain/protocol/Ids.ts"
import { repeatsOf } from "../../domain/topic/Derivation.ts"
import { isErased, pathsMax } from "../../domain/topic/Erasure.ts"
import { textsIn } from "../../domain/topic/SealedText.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import { type ErasedText, EventLog } from "../../services/EventLog.ts"
import { Kinds } from "../../services/Kinds.ts"
import { Topics } from "../../services/Topics.ts"
import { sha256 } from "../eventlog/ChainVerification.ts"
import { backoffSchedule } from "../runtime/BackoffSchedule.ts"
import { readPage } from "./TopicLoader.ts"

/** The author of the erasures that follow from others. */
const eraserAuthor: SystemId = "system:eraser"

/** Entries that are read before others have a turn. */
const pageSize = 128

const retryPolicy = { base: 1_000, cap: 60_000 }

/** Erased texts of one event. */
interface Erasure {
  readonly address: EventAddress
  readonly texts: ReadonlyArray<ErasedText>
}

const keyOf = ({ seq, topic }: EventAddress): string => `${topic} ${seq}`

/** What a topic holds that was made from the texts of an erasure. */
interface Search {
  readonly erasure: Erasure
  readonly repeats: ReadonlyArray<(text: string) => boolean>
  /** The commitments to the erased texts, and to what was made from them. */
  readonly sources: Set<string>
  /** The inputs that mark the runs, by their JSON. */
  readonly marks: Map<string, unknown>
  /** The texts that repeat one. */
  readonly found: Array<{ readonly seq: number; readonly paths: ReadonlyArray<string> }>
}

interface Dependencies {
  readonly log: EventLog["Service"]
  readonly kinds: Kinds["Service"]
  readonly topics: Topics["Service"]
  /** The keys of the erasures that failed in this round. */
  readonly failed: Set<string>
}

/** Runs a part of some erasures. A failure or a defect is one of theirs, and of no other's. */
const attempt = <E>({ failed }: Dependencies, erasures: ReadonlyArray<Erasure>, part: Effect.Effect<void, E>) => {
  const fail = () => erasures.forEach(({ address }) => failed.add(keyOf(address)))
  const message = "erased texts could not be deleted yet; trying again"
  return part.pipe(
    Effect.catch((error) => Effect.andThen(Effect.logWarning(message, error), Effect.sync(fail))),
    Effect.catchDefect((defect) => Effect.andThen(Effect.logError(message, defect), Effect.sync(fail)))
  )
}

/** Reads a topic once for all searches. Each call reads what was appended since; true if that was made from erased texts. */
const makeSearcher = ({ log }: Dependencies, kind: AnyKind, topic: TopicId, searches: ReadonlyArray<Search>) => {
  const allSources = new Set(searches.flatMap(({ sources }) => [...sources]))
  let state = kind.initial(topic)
  let seq = 0

  const searchEvent = (event: unknown): boolean => {
    const { address } = searches[0]!.erasure
    if (kind.derivationOf?.(state, event, allSources, address) === undefined) return false
    const texts = textsIn(event)
    for (const { text } of texts) allSources.add(text.c)
    for (const { erasure, found, marks, repeats, sources } of searches) {
      const derivation = kind.derivationOf(state, event, sources, erasure.address)
      if (derivation === undefined) continue
      for (const { text } of texts) sources.add(text.c)
      marks.set(JSON.stringify(derivation.mark), derivation.mark)
      const paths = texts.filter(({ path, text: { text } }) =>
        text !== null && (derivation.copies.includes(path) || repeats.some((isRepeat) => isRepeat(text)))
      ).map(({ path }) => path)
      if (paths.length > 0) found.push({ seq, paths })
    }
    return true
  }

  return Effect.gen(function*() {
    let isDerived = false
    while (true) {
      const page = yield* readPage(log, kind, topic, { after: seq, limit: pageSize })
      for (const entry of page) {
        seq = entry.seq
        isDerived = searchEvent(entry.decoded) || isDerived
        state = kind.evolve(state, entry.decoded)
      }
      if (page.length < pageSize) return isDerived
      yield* Effect.yieldNow
    }
  })
}

/** Submits an input under an id that it alone has, so that a repeat changes nothing. */
const submit = ({ topics }: Dependencies, topic: TopicId, input: unknown) =>
  topics.submit(topic, {
    id: CommandId.make(`erase:${sha256(JSON.stringify([topic, input]))}`),
    author: eraserAuthor,
    input
  }).pipe(Effect.catchIf(({ rejection }) => rejection.rule === "TOP10", () => Effect.void))

/** Erases what repeats the texts in one topic. */
const eraseDerived = Effect.fnUntraced(
  function*(dependencies: Dependencies, topic: TopicId, erasures: ReadonlyArray<Erasure>) {
    const kind = dependencies.kinds.get(kindOf(topic))
    if (kind?.derivationOf === undefined) return
    const searches = erasures.map((erasure): Search => ({
      erasure,
      repeats: erasure.texts.map(({ text }) => repeatsOf(text ?? "")),
      sources: new Set(erasure.texts.map(({ c }) => c)),
      marks: new Map(),
      found: []
    }))
    const search = makeSearcher(dependencies, kind, topic, searches)
    // Ended first, until nothing more has come from these runs: afterwards no outputs do.
    while (yield* search) {
      for (const { erasure, marks } of searches) {
        const submitAll = Effect.forEach(marks.values(), (mark) => submit(dependencies, topic, mark), { discard: true })
        yield* attempt(dependencies, [erasure], submitAll)
        marks.clear()
      }
    }
    for (const { erasure, found } of searches) {
      const because = erasure.address
      const inputs = found.flatMap(({ paths, seq }) =>
        Arr.chunksOf(paths, pathsMax).map((paths) => ({ _tag: "EraseDerived", seq, paths, because }))
      )
      const submitAll = Effect.forEach(inputs, (input) => submit(dependencies, topic, input), { discard: true })
      yield* attempt(dependencies, [erasure], submitAll)
    }
  }
)

/** Whether somebody asked for the erasure, so that what repeats its texts has to be found. */
const isAskedFor = ({ log }: Dependencies, { seq, topic }: EventAddress) =>
  Effect.map(
    log.read(topic, { after: seq - 1, limit: 1 }),
    ([entry]) => isErased(entry?.event) && entry.event.because === null
  )

/** Completes erasures; each topic is read once for all of them. */
const complete = Effect.fnUntraced(function*(dependencies: Dependencies, erasures: ReadonlyArray<Erasure>) {
  const { failed, log } = dependencies
  const erasuresByTopic = new Map<TopicId, Array<Erasure>>()
  for (const erasure of erasures) {
    const { address } = erasure
    // What repeats a text was erased before the text was deleted.
    const texts = erasure.texts.filter(({ text }) => text !== null)
    const findTopics = Effect.gen(function*() {
      if (texts.length === 0 || !(yield* isAskedFor(dependencies, address))) return
      const derived = yield* Effect.forEach(texts, log.derivedTopics)
      for (const topic of new Set([address.topic, ...derived.flat()])) {
        erasuresByTopic.set(topic, [...erasuresByTopic.get(topic) ?? [], erasure])
      }
    })
    yield* attempt(dependencies, [erasure], findTopics)
  }
  for (const [topic, some] of erasuresByTopic) {
    yield* attempt(dependencies, some, eraseDerived(dependencies, topic, some))
    yield* Effect.yieldNow
  }
  const completed = erasures.filter(({ address }) => !failed.has(keyOf(address)))
  if (completed.length === 0) return
  yield* attempt(dependencies, completed, log.deleteErased(completed.flatMap(({ texts }) => texts)))
})

/** Erasures that failed, by key: how often, and when they are due again. */
type Retries = Map<string, { readonly attempts: number; readonly dueAt: number }>

/** Completes all erasures but those that are to be tried later. Another round follows for what these lead to. */
const runRound = Effect.fnUntraced(function*(services: Omit<Dependencies, "failed">, retries: Retries) {
  const dependencies = { ...services, failed: new Set<string>() }
  const now = yield* Clock.currentTimeMillis
  let last: ErasedText | undefined
  while (true) {
    const texts = yield* services.log.erasedTexts(last)
    if (texts.length === 0) break
    last = texts.at(-1)
    const erasures = Object.values(Arr.groupBy(texts, ({ by, topic }) => keyOf({ topic, seq: by })))
      .map((texts): Erasure => ({ address: { topic: texts[0].topic, seq: texts[0].by }, texts }))
      .filter(({ address }) => (retries.get(keyOf(address))?.dueAt ?? 0) <= now)
    yield* complete(dependencies, erasures)
  }
  const end = yield* Clock.currentTimeMillis
  for (const key of dependencies.failed) {
    const attempts = retries.get(key)?.attempts ?? 0
    retries.set(key, { attempts: attempts + 1, dueAt: end + delay(retryPolicy, attempts) })
  }
  // Those that were due and did not fail again are complete, or erased no more.
  for (const [key, { dueAt }] of retries) if (dueAt <= now) retries.delete(key)
})

/** Waits for an erasure, or until one that failed is due. */
const awaitWork = Effect.fnUntraced(function*(wake: Latch.Latch, retries: Retries) {
  if (retries.size === 0) return yield* Latch.await(wake)
  const dueAt = Math.min(...[...retries.values()].map(({ dueAt }) => dueAt))
  const wait = Math.max(0, dueAt - (yield* Clock.currentTimeMillis))
  yield* Effect.raceFirst(Latch.await(wake), Effect.sleep(wait))
})

const make = Effect.gen(function*() {
  const services = { log: yield* EventLog, kinds: yield* Kinds, topics: yield* Topics }
  const retries: Retries = new Map()
  const wake = yield* Latch.make(true)
  yield* Effect.acquireRelease(
    Effect.sync(() => services.log.onAppend((_topic, erases) => void (erases && Latch.openUnsafe(wake)))),
    (remove) => Effect.sync(remove)
  )
  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* awaitWork(wake, retries)
      yield* Latch.close(wake)
      yield* runRound(services, retries).pipe(
        Effect.tapError((error) => Effect.logWarning("erased texts cannot be read; trying again", error)),
        Effect.retry(backoffSchedule(retryPolicy)),
        Effect.orDie,
        Effect.catchDefect((defect) =>
          Effect.logError("erased texts cannot be read; trying again", defect).pipe(
            Effect.andThen(Effect.sleep(retryPolicy.cap)),
            Effect.andThen(Latch.open(wake))
          )
        )
      )
    }
  }))
})

/** Completes erasures while it is built, also those that an earlier run began. */
export const layer: Layer.Layer<never, never, EventLog | Kinds | Topics> = Layer.effectDiscard(make)
