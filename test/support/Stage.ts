/** The built server that all scenarios play on, and the people in them. */
import { LLMock } from "@copilotkit/aimock"
import { Context, Effect, Layer, Schedule, type Scope } from "effect"
import * as Inspector from "./Inspector.ts"
import { generous } from "./Members.ts"
import { type Client, open, type Person, person, type Received, signIn } from "./People.ts"
import { folder, start } from "./ServerProcess.ts"

/** What a server holds when nobody is there. */
export interface Rest {
  readonly sockets: number
  readonly timers: number
  readonly hosts: number
  readonly fibers: number
}

export class Stage extends Context.Service<Stage, {
  readonly url: string
  readonly stderr: () => string
  readonly rest: Effect.Effect<Rest>
}>()("choir/test/support/Stage") {}

/** Small enough to be waited for, large enough for a machine that does other things as well. */
const env = {
  ...generous,
  CHOIR_MESSAGES_PER_MINUTE: "1200",
  CHOIR_MESSAGE_BURST: "400",
  CHOIR_AUTH_TIMEOUT: "2500",
  CHOIR_PING_INTERVAL: "1500",
  CHOIR_PONG_TIMEOUT: "1500",
  CHOIR_PASSIVATE_AFTER: "500"
}

/** A model that takes ten seconds over every step. */
const model: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => LLMock.create({ port: 0, latency: 25, chunkSize: 6 })),
  (mock) => Effect.promise(() => mock.stop())
).pipe(Effect.map((mock) => {
  const rest = {
    action: { confidence: 0.5, reasoning: "r" },
    experience: { key_insights: ["k"] },
    intention: { implicit: "i", selected_priors: [], reason: "r" },
    observation: { patterns: ["p"], semantic_links: [] },
    update: { loop: false, confidence: 0.9 },
    yield: { citations: [], confidence: 0.9 }
  }
  for (const [step, data] of Object.entries(rest)) {
    const words = `At ${step} the model has many words, so that somebody can come in the middle of them. `
    mock.onMessage(new RegExp(`<task step="${step}"`), {
      content: `${words.repeat(30)}\n<<<data>>>\n${JSON.stringify(data)}`
    })
  }
  return `${mock.url}/v1`
}))

export const layer = Layer.effect(
  Stage,
  Effect.gen(function*() {
    const llm = { CHOIR_LLM_URL: yield* model, CHOIR_LLM_KEY: "none", CHOIR_LLM_MODEL: "slow-1" }
    const server = yield* start({ data: yield* folder, env: { ...env, ...llm }, nodeArgs: Inspector.nodeArgs })
    const inspector = yield* Inspector.inspect(server)
    const url = `${server.url.replace("http", "ws")}/ws`
    const rest = Effect.gen(function*() {
      const { TCPSocketWrap, Timeout } = yield* inspector.resources
      return {
        sockets: TCPSocketWrap ?? 0,
        timers: Timeout ?? 0,
        hosts: yield* inspector.count("./layers/topics/Host.js", "Host", "!it.resting"),
        fibers: yield* inspector.fibers
      }
    })
    return { url, stderr: server.stderr, rest }
  })
)

/** Waits until nobody is on the stage and no topic is in memory; what is left then. */
export const empty = Effect.gen(function*() {
  const { rest } = yield* Stage
  return yield* Effect.repeat(rest, {
    until: ({ hosts, sockets }) => hosts === 0 && sockets === 0,
    schedule: Schedule.spaced("250 millis")
  })
})

export interface Guest extends Client {
  readonly who: Person
  readonly init: Received
}

/** Somebody who is signed in, with a key of their own unless given. */
export const guest = (who: Person = person(), client_id?: string) =>
  Effect.gen(function*() {
    const client = yield* open((yield* Stage).url)
    const init = yield* signIn(client, who, client_id)
    return { ...client, who, init } satisfies Guest
  })

/** Sends, and waits for the one answer; what else arrives before it is dropped. */
export const ask = (client: Client, type: string, payload: object = {}, thread?: string): Effect.Effect<Received> =>
  Effect.suspend(() => answerTo(client, client.send(type, payload, thread)))

export const answerTo = (client: Client, id: string): Effect.Effect<Received> =>
  Effect.repeat(client.next, { until: ({ payload }) => payload["ref_id"] === id })

/** A guest who has joined a room and subscribed to it. */
export const inRoom = (topic: string, who?: Person) =>
  Effect.gen(function*() {
    const one = yield* guest(who)
    yield* ask(one, "join_room", {}, topic)
    yield* ask(one, "subscribe", {}, topic)
    return one
  })

/** Where a `subscribed` leads. */
export const position = ({ payload }: Received) =>
  payload["position"] as { readonly epoch: string; readonly seq: number }

interface Seen {
  readonly seq: number
  readonly cause: string
  readonly event: { readonly _tag: string }
}

/** The events in a message; none in one that brings no events. */
export const events = ({ payload }: Received): ReadonlyArray<Seen> => (payload["events"] ?? []) as ReadonlyArray<Seen>

/** Events as they come, until the log has come to `seq`. */
export const eventsTo = (client: Client, seq: number): Effect.Effect<ReadonlyArray<Seen>> =>
  Effect.gen(function*() {
    const all: Array<Seen> = []
    while ((all.at(-1)?.seq ?? 0) < seq) all.push(...events(yield* client.nextOf("delta")))
    return all
  })

/** Signs a new person in on a connection that is there already. */
export const entered = (client: Client): Effect.Effect<Received> => signIn(client, person())
