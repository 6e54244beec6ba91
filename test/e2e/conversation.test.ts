/** The main use on real input: a folder is imported, two users write and ask, and the server is killed during a run. */
import type { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { Client, type ClientModel, Ids, Keys } from "../../src/client/index.ts"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import { type PlainStep, steps } from "../../src/domain/chorus/ChorusModel.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import type { CommandInput, PlainState } from "../../src/domain/thread/ThreadModel.ts"
import { waitUntil } from "../support/RoomClients.ts"
import { repositoryRoot, type ServerProcess, startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as SlowModel from "../support/SlowModel.ts"

type Thread = Client.Topic<PlainState, CommandInput>

interface Participant {
  readonly client: Client.Client
  readonly thread: Thread
  /** All events in the order of arrival. */
  readonly receivedEvents: ReadonlyArray<ClientModel.ReceivedEvent>
}

/** Runs the built `choir` command and returns what it printed. */
const runChoir = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.callback<string>((resume) => {
    execFile(
      process.execPath,
      [join(repositoryRoot, "dist/cli/main.js"), ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => resume(error === null ? Effect.succeed(stdout) : Effect.die({ error, stdout, stderr }))
    )
  })

const joinThread = (url: string, secret: string, topic: Ids.TopicId) =>
  Effect.gen(function*() {
    const identity = yield* Keys.fromSecret(secret)
    const client = yield* Client.make({ url, identity, kinds: [...builtInKinds.values()] })
    const thread: Thread = Client.plainTopic(client.topic(threadKind, topic))
    const receivedEvents: Array<ClientModel.ReceivedEvent> = []
    yield* Effect.acquireRelease(
      Effect.sync(() => thread.onEvents((events) => void receivedEvents.push(...events))),
      (stop) => Effect.sync(stop)
    )
    return { client, thread, receivedEvents } satisfies Participant
  })

/** The first confirmed state that matches. */
const awaitState = (person: Participant, predicate: (state: PlainState) => boolean) =>
  person.thread.views.pipe(
    Stream.filter((view) => view.position !== undefined && predicate(view.confirmed)),
    Stream.runHead,
    Effect.map(Option.getOrThrow),
    Effect.map((view) => view.confirmed)
  )

const findRun = (state: PlainState, prompt: string) => state.runs.find((run) => run.prompt_id === prompt)
const isFinished = (prompt: string) => (state: PlainState) =>
  ["yielded", "failed"].includes(findRun(state, prompt)?.status ?? "")

const stepEvents = (person: Participant, prompt: string) =>
  person.receivedEvents.map(({ event }) => event as { readonly _tag: string; readonly prompt_id?: string } & PlainStep)
    .filter((event) => event._tag === "StepCompleted" && event.prompt_id === prompt)

/** Checks that each citation names an imported prior and quotes it verbatim. Returns the number of quotations. */
const checkCitations = (state: PlainState, prompt: string) => {
  const done = findRun(state, prompt)?.steps ?? []
  const priors = done.flatMap(({ output }) => output._tag === "experience" ? output.priors : [])
  const citations = done.flatMap(({ output }) => output._tag === "yield" ? output.citations : [])
  for (const { prior, quote } of citations) {
    const cited = priors.find((candidate) => candidate.id === prior)
    assert.isDefined(cited, `citation of ${prior}`)
    assert.include(cited!.content, quote ?? "")
    const message = state.messages.find((candidate) => candidate.id === prior)
    assert.isNotNull(message?.source ?? null, `${prior} was imported`)
    assert.include(message!.content, quote ?? "")
  }
  return citations.filter(({ quote }) => quote !== null).length
}

const serve = (data: string, port: number, env: Readonly<Record<string, string>> = {}) =>
  startServer({ data, port, env })

/** The steps requested of the model, in order. */
const requestedSteps = (mock: LLMock) =>
  mock.getRequests().map(({ body }) => /<task step=\\*"([a-z]+)/.exec(JSON.stringify(body))?.[1] ?? "?")

describe("a conversation", () => {
  it.live("[OPS1][CHO7][SYN2][TOP6][FLT18] import, write, ask; a killed run continues at its step, and both replicas are equal", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      let server: ServerProcess = yield* serve(data, 0)
      const { port, url } = server
      const secrets = [yield* Keys.generateSecret, yield* Keys.generateSecret] as const
      const env = { CHOIR_URL: url, CHOIR_KEY_FILE: join(data, "ann.key") }

      // A folder of real Markdown becomes priors, through the command line.
      const printed = yield* runChoir(["import", "--yes", join(repositoryRoot, "node_modules/effect/ai-docs")], env)
      const topic = Ids.TopicId.make(/thread:[A-Za-z0-9-]+/.exec(printed)![0])

      // Ann uses the importer's key; Bob becomes a co-author by a submission that she approves.
      const ann = yield* joinThread(url, (yield* readKey(env.CHOIR_KEY_FILE)) ?? secrets[0], topic)
      const bob = yield* joinThread(url, secrets[1], topic)
      const imported = yield* awaitState(ann, (state) => state.messages.length > 0)
      assert.isTrue(imported.messages.every((message) => message.source !== null))
      const offered = yield* bob.thread.send({ _tag: "submit_message", content: "I have read all of this twice." })
      assert.strictEqual(offered.topic, "ledger:main")
      const pending = yield* awaitState(
        ann,
        (state) => state.submissions.some((submission) => submission.status === "pending")
      )
      yield* ann.thread.send({
        _tag: "process_approval",
        message_id: pending.submissions[0]!.id,
        decision: "approve"
      })
      yield* awaitState(bob, (state) => state.co_authors.includes(bob.client.me))
      yield* Effect.forEach(
        [ann, bob, ann, bob],
        (person, n) => person.thread.send({ _tag: "submit_message", content: `Line ${n} of our talk.` })
      )

      // Three questions: both users receive the steps in order, and the citations are verbatim.
      const questions = [
        "How do I create a service with a layer?",
        "How are errors handled and recovered from?",
        "How do I retry an effect with a schedule?"
      ]
      let quotes = 0
      for (const [n, prompt] of questions.entries()) {
        const id = Client.commandId()
        yield* (n % 2 === 0 ? ann : bob).thread.send({ _tag: "submit_prompt", prompt }, id)
        for (const person of [ann, bob]) {
          const state = yield* awaitState(person, isFinished(id))
          assert.strictEqual(findRun(state, id)?.status, "yielded")
          const order = stepEvents(person, id).map((event) => event.step)
          assert.deepStrictEqual(order.slice(-6), [...steps])
          quotes += checkCitations(state, id)
        }
      }
      assert.isAbove(quotes, 0)

      // The same thread with a slow model; the server is killed during a step.
      const mock = yield* SlowModel.start({
        latency: 40,
        chunkSize: 4,
        words: "this is what the model says, in a few words."
      })
      const slow = SlowModel.environment(mock)
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
      server = yield* serve(data, port, slow)
      const last = Client.commandId()
      const asking = yield* Effect.forkChild(
        ann.thread.send({ _tag: "submit_prompt", prompt: "What did we agree on?" }, last)
      )
      const middle = yield* awaitState(bob, (state) => (findRun(state, last)?.steps.length ?? 0) >= 2)
      // Wait for the next step's request, so that the interrupted step is known.
      yield* waitUntil(() => requestedSteps(mock).length > 2)
      yield* server.stop("SIGKILL")
      const requestedBefore = requestedSteps(mock)
      assert.deepStrictEqual(findRun(middle, last)?.steps.map((record) => record.step).slice(0, 2), [
        "action",
        "experience"
      ])

      server = yield* serve(data, port, slow)
      const finals = [yield* awaitState(ann, isFinished(last)), yield* awaitState(bob, isFinished(last))]
      yield* Fiber.join(asking)
      for (const state of finals) assert.strictEqual(findRun(state, last)?.status, "yielded")
      // Completed steps are not repeated: after the restart the requests begin with the interrupted step.
      const requestedAfter = requestedSteps(mock).slice(requestedBefore.length)
      const interruptedStep = requestedBefore.at(-1)!
      assert.deepStrictEqual(requestedAfter, [...steps].slice(steps.findIndex((step) => step === interruptedStep)))

      // Both replicas are equal; each received every event once and in order.
      const [a, b] = [yield* awaitQuiescent(ann), yield* awaitQuiescent(bob)]
      assert.deepStrictEqual(a, b)
      for (const person of [ann, bob]) {
        const seqs = person.receivedEvents.map((event) => event.seq)
        assert.deepStrictEqual(seqs, [...new Set(seqs)].sort((x, y) => x - y))
      }
      const texts = a.messages.map((message) => message.content)
      for (const n of [0, 1, 2, 3]) assert.strictEqual(texts.filter((t) => t === `Line ${n} of our talk.`).length, 1)
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
    }).pipe(Effect.scoped))
})

const awaitQuiescent = (person: Participant) => awaitState(person, (state) => state.ledger_requests.length === 0)

const readKey = (file: string) =>
  Effect.promise(() => import("node:fs/promises").then((fs) => fs.readFile(file, "utf8"))).pipe(
    Effect.map((text) => text.trim())
  )
