/** A client in another language follows a topic with nothing but the protocol's document, and verifies what it gets. */
import { assert, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { env as inherited } from "node:process"
import { createInterface } from "node:readline"
import type { PublishedEvent } from "../../src/domain/protocol/Protocol.ts"
import { socketUrl, startInProcessServer } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { receivedEvents } from "../support/Published.ts"
import { unlimitedBudgets } from "../support/RoomClients.ts"
import { testSalt } from "../support/SealedFixture.ts"
import { repositoryRoot } from "../support/ServerProcess.ts"
import { connectSignedIn, type ReceivedMessage, request, type SignedInClient } from "../support/TestUsers.ts"

const hasPython = spawnSync("python3", ["--version"]).status === 0

/** Starts the Python client; what it prints, line by line. It is killed with the scope. */
const startPython = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, input = "") =>
  Effect.gen(function*() {
    const lines = yield* Queue.unbounded<string>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn("python3", ["-B", "test/support/python/verify_events.py", ...args], {
          cwd: repositoryRoot,
          env: { ...inherited, ...env },
          stdio: ["pipe", "pipe", "inherit"]
        })
        createInterface(child.stdout).on("line", (line) => Queue.offerUnsafe(lines, line))
        child.stdin.end(input)
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    return Queue.take(lines)
  })

interface Verified {
  readonly seq: number
  readonly hash: string
  readonly texts: ReadonlyArray<string>
}

const message = "\u{1d11e} \"Wind\" sheds\tvortices \u2028 behind the cables.\u0001"

/** Writes and asks in a thread; all envelopes of the thread that the client received, up to the answer. */
const converse = Effect.fnUntraced(function*(client: SignedInClient, thread: string) {
  const received: Array<ReceivedMessage> = []
  client.send("submit_message", { content: message }, thread, { salt: testSalt })
  client.send("submit_prompt", { prompt: "Why do bridges sing?" }, thread)
  for (;;) {
    const envelope = yield* client.next
    if (envelope.type !== "delta") continue
    received.push(envelope)
    const events = receivedEvents<{ readonly _tag: string; readonly step?: string }>(envelope)
    if (events.some(({ _tag, step }) => _tag === "StepCompleted" && step === "yield")) return received
  }
})

const eventsOf = (envelopes: ReadonlyArray<ReceivedMessage>) =>
  envelopes.flatMap(({ payload }) => (payload["events"] ?? []) as ReadonlyArray<PublishedEvent>)

/** A copy of the envelopes with one event of the thread changed; undefined removes it. */
const tamper = (
  envelopes: ReadonlyArray<ReceivedMessage>,
  seq: number,
  change: (event: PublishedEvent) => object | undefined
): ReadonlyArray<ReceivedMessage> =>
  envelopes.map((envelope) => {
    const events = eventsOf([envelope])
    return events.some((event) => event.seq === seq)
      ? {
        ...envelope,
        payload: {
          ...envelope.payload,
          events: events.flatMap((event) => event.seq === seq ? change(event) ?? [] : event)
        }
      }
      : envelope
  })

Prerequisite.describeWith(Prerequisite.python(hasPython), "a client in Python", () => {
  it.live("[TOP5] [TOP10] [SYN13] verifies every event that it follows, and finds each that was changed", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer(unlimitedBudgets)
      const ann = yield* connectSignedIn(socketUrl(url))
      const created = yield* request(ann, "create_thread", { name: "Bridges" }, undefined, { salt: testSalt })
      const thread = String(created.payload["topic"])
      const subscribed = yield* request(ann, "subscribe", {}, thread)

      const nextLine = yield* startPython(["follow", `${url}/topics/${thread}/events`], {
        CHOIR_TOKEN: String(ann.init.payload["session_token"])
      })
      const next = Effect.map(nextLine, (line) => JSON.parse(line) as Verified)
      const head = String(subscribed.payload["head"])
      assert.deepStrictEqual(yield* next, { seq: 1, hash: head, texts: ["Bridges"] })

      const received = yield* converse(ann, thread)
      const events = eventsOf(received)
      const verified = yield* Effect.forEach(events, () => next)
      assert.deepStrictEqual(verified.map(({ hash, seq }) => [seq, hash]), events.map(({ hash, seq }) => [seq, hash]))
      assert.deepStrictEqual(verified[0]?.texts, [message])

      const stream = [subscribed, ...received]
      const middle = events.at(-3)!.seq
      const otherText = (
        event: PublishedEvent,
        change: (opening: readonly [string, string]) => readonly [string, string]
      ) => ({
        ...event,
        open: Object.fromEntries(Object.entries(event.open ?? {}).map(([c, opening]) => [c, change(opening)]))
      })
      const cases: ReadonlyArray<readonly [stream: ReadonlyArray<unknown>, fault: string]> = [
        [stream, "none"],
        // Erased texts leave the chain as it is.
        [tamper(stream, 2, (event) => ({ ...event, open: {} })), "none"],
        [tamper(stream, middle, () => undefined), `event ${middle} is missing`],
        [
          tamper(stream, middle, (event) => ({ ...event, at: event.at + 1 })),
          `event ${middle} is not the one with this hash`
        ],
        [
          tamper(stream, middle, (event) => ({ ...event, principal: { server: "system:other" } })),
          `event ${middle} is not the one with this hash`
        ],
        [
          tamper(stream, 2, (event) => ({ ...event, event: { ...event.event as object, source: "elsewhere" } })),
          "event 2 is not the one with this hash"
        ],
        [
          tamper(stream, 2, (event) => otherText(event, ([salt, text]) => [salt, `${text}!`])),
          "event 2: a text does not fit its commitment"
        ],
        [
          tamper(stream, 2, (event) => otherText(event, ([, text]) => [testSalt, text])),
          "event 2: a text does not fit its commitment"
        ],
        [
          tamper(stream, 2, (event) => ({ ...event, open: eventsOf(stream).at(-1)!.open })),
          "event 2: an opening belongs to no seal"
        ],
        [tamper(stream, 2, (event) => ({ ...event, hash: "A".repeat(43) })), "event 2 is not the one with this hash"]
      ]
      const nextFault = yield* startPython(
        ["check"],
        {},
        cases.map(([envelopes]) => JSON.stringify(envelopes)).join("\n")
      )
      assert.deepStrictEqual(yield* Effect.forEach(cases, () => nextFault), cases.map(([, fault]) => fault))
    }).pipe(Effect.scoped))
})
