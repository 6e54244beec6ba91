/** Planted bugs of texts that can be erased: each leaves a text, or another one, where only its seal may be (TOP10). */
import { Effect, Result } from "effect"
import type { Openings } from "../../../domain/protocol/Seal.ts"
import { threadKind } from "../../../domain/thread/Thread.ts"
import { textsIn } from "../../../domain/topic/SealedText.ts"
import type { PlantedBug } from "../cluster/SimulatedServer.ts"
import { replaceDecision } from "./KindBugs.ts"

/** Texts are trimmed as they are published. */
export const trimPublishedTexts: PlantedBug = {
  topics: (topics) => ({
    ...topics,
    subscribe: (topic, subscriber, from, reply) => {
      const deliver: typeof subscriber.deliver = (frame) =>
        subscriber.deliver({ ...frame, text: frame.text.replaceAll(/ "\]/g, "\"]") })
      topics.subscribe(topic, { ...subscriber, deliver, supportsBatching: false }, from, reply)
    }
  })
}

/** Stored snapshots repeat the texts that their seals belong to. */
export const keepTextsInSnapshots: PlantedBug = {
  log: (log) => ({
    ...log,
    saveSnapshot: Effect.fnUntraced(function*(topic, snapshot) {
      const openings = yield* log.openings(topic, snapshot.textSeqs)
      const open: Openings = Object.assign({}, ...openings.values())
      yield* log.saveSnapshot(topic, { ...snapshot, state: insertTexts(snapshot.state, open) })
    })
  })
}

const insertTexts = (json: string, openings: Openings): string =>
  json.replaceAll(/"c":"([\w-]{43})"/g, (seal, c: string) => `${seal},"text":${JSON.stringify(openings[c]?.[1] ?? "")}`)

/** The offer of a submission has its text. */
export const offerTexts: PlantedBug = replaceDecision(
  threadKind,
  (result) =>
    Result.map(result, (decision) =>
      decision._tag === "Forward"
        ? { ...decision, input: { ...decision.input as object, input: withTexts(decision.input) } }
        : decision)
)

const withTexts = (input: unknown): unknown => {
  const { input: offer } = input as { readonly input: object }
  return { ...offer, texts: textsIn(offer).map(({ text }) => text.text) }
}

/** A cache of the texts of entries that hears of no erasure. */
export const cacheTexts = (): PlantedBug => {
  const cache = new Map<string, Openings>()
  return {
    log: (log) => ({
      ...log,
      read: (topic, range) =>
        Effect.map(log.read(topic, range), (entries) =>
          entries.map((entry) => {
            const key = `${topic} ${entry.seq}`
            const open = { ...entry.open, ...cache.get(key) }
            cache.set(key, open)
            return { ...entry, open }
          }))
    })
  }
}

/** What repeats an erased text in other topics is not looked for. */
export const keepRepeats: PlantedBug = {
  log: (log) => ({ ...log, derivedTopics: () => Effect.succeed([]) })
}

/** The index keeps the points of erased texts. */
export const keepPoints: PlantedBug = {
  index: (engine) => ({ ...engine, remove: () => Effect.void })
}
