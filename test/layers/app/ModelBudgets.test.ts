/** What users can make a server spend on models, on a whole server, over sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { PlainState } from "../../../src/domain/thread/ThreadModel.ts"
import * as HeldModel from "../../support/HeldModel.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { snapshotState } from "../../support/Published.ts"
import { unlimitedBudgets, waitUntil } from "../../support/RoomClients.ts"
import { connectSignedIn, request, type SignedInClient } from "../../support/TestUsers.ts"

const createThread = (client: SignedInClient, payload: object = {}) =>
  Effect.map(
    request(client, "create_thread", { name: "A thread", ...payload }),
    ({ payload }) => String(payload["topic"])
  )

const ask = (client: SignedInClient, thread: string, id?: string) =>
  request(client, "submit_prompt", { prompt: "Why?" }, thread, id === undefined ? {} : { id })

/** The value of a metric with these labels. */
const readMetric = (url: string, metric: string) =>
  Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text())).pipe(
    Effect.map((text) => Number(text.split("\n").find((line) => line.startsWith(`${metric} `))?.slice(metric.length)))
  )

/** Whether every one of these threads has the answer to its prompt. */
const isAnswered = Effect.fnUntraced(function*(client: SignedInClient, threads: ReadonlyArray<string>) {
  for (const thread of threads) {
    const { runs } = snapshotState<PlainState>(yield* request(client, "subscribe", {}, thread))
    if (runs.some(({ status }) => status !== "yielded")) return false
  }
  return true
})

describe("the cost of models", () => {
  it.live(
    "[SEC29] six keys ask at once: no more calls are under way than are allowed, and all are answered",
    () =>
      Effect.gen(function*() {
        const model = yield* HeldModel.start
        const url = yield* startInProcessServer({
          ...unlimitedBudgets,
          ...model.environment,
          CHOIR_MODEL_CALLS: "4"
        })
        const clients = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => connectSignedIn(socketUrl(url)))
        const threads = yield* Effect.forEach(clients, (client) => Effect.replicateEffect(createThread(client), 3))
        for (const [n, client] of clients.entries()) {
          for (const thread of threads[n]!) assert.strictEqual((yield* ask(client, thread)).type, "receipt")
        }
        // Every call that the cap allows has reached the provider, and each other one waits for its turn.
        yield* waitUntil(() => model.calls.held === 4)
        yield* Effect.repeat(readMetric(url, `choir_model_calls{state="waiting"}`), {
          until: (waiting) => waiting === 14
        })
        assert.strictEqual(yield* readMetric(url, `choir_model_calls{state="running"}`), 4)
        assert.strictEqual(model.calls.total, 4)
        yield* model.release
        for (const [n, client] of clients.entries()) {
          yield* Effect.repeat(isAnswered(client, threads[n]!), { until: (is) => is })
        }
        assert.isAtMost(model.calls.mostHeld, 4)
        assert.strictEqual(model.calls.total, 18 * 6)
        assert.strictEqual(yield* readMetric(url, `choir_chorus_steps_total{outcome="failed"}`), 0)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "[SEC29] runs beyond the budget of the day are refused with a sentence, and call no model",
    () =>
      Effect.gen(function*() {
        const model = yield* HeldModel.start
        yield* model.release
        const url = yield* startInProcessServer({
          ...unlimitedBudgets,
          ...model.environment,
          CHOIR_RUNS_PER_USER: "2",
          CHOIR_RUNS_PER_ADDRESS: "3"
        })
        const [ann, ben] = [yield* connectSignedIn(socketUrl(url)), yield* connectSignedIn(socketUrl(url))] as const
        const thread = yield* createThread(ann)
        // Neither a prompt that is rejected nor one that is repeated starts a run.
        assert.strictEqual((yield* ask(ben, thread)).payload["code"], "forbidden")
        const first = (yield* ask(ann, thread)).payload["ref_id"] as string
        assert.deepInclude((yield* ask(ann, thread, first)).payload, { duplicate: true })
        assert.strictEqual((yield* ask(ann, thread)).type, "receipt")
        const refused = (yield* ask(ann, thread)).payload
        assert.deepInclude(refused, { code: "over_budget", rule: "SEC29", retryable: true })
        assert.match(
          String(refused["message"]),
          /^your budget for the Chorus is used up for today: ask again in .* UTC$/
        )
        assert.isAtMost(Number(refused["retry_after_ms"]), 86_400_000)
        // Another key at the same address has its own budget, and the address one for all.
        const other = yield* createThread(ben)
        assert.strictEqual((yield* ask(ben, other)).type, "receipt")
        assert.match(String((yield* ask(ben, other)).payload["message"]), /^your network's budget/)
        // Other commands go on.
        assert.strictEqual((yield* request(ann, "submit_message", { content: "Still here" }, thread)).type, "receipt")
        yield* Effect.repeat(isAnswered(ann, [thread]), { until: (is) => is })
        yield* Effect.repeat(isAnswered(ben, [other]), { until: (is) => is })
        assert.strictEqual(model.calls.total, 3 * 6)
        assert.strictEqual(yield* readMetric(url, `choir_budget_refusals_total{budget="runs"}`), 2)
      }).pipe(Effect.scoped),
    60_000
  )
})
