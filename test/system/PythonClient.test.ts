/** A client in another language follows a topic with nothing but the protocol's document, and verifies what it gets. */
import { assert, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { env as inherited } from "node:process"
import { createInterface } from "node:readline"
import { CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import type { Attestation } from "../../src/domain/protocol/Principal.ts"
import { challengeSigningInput, type PublishedEvent, type ServerMessageOf } from "../../src/domain/protocol/Protocol.ts"
import { saltSource } from "../../src/domain/protocol/Seal.ts"
import { signingInput } from "../../src/domain/protocol/SignedCommand.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { entryHash } from "../../src/domain/topic/Log.ts"
import { commitTexts } from "../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { signAttestation } from "../support/Attestations.ts"
import { socketUrl, startInProcessServer } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { receivedEvents } from "../support/Published.ts"
import { unlimitedBudgets } from "../support/RoomClients.ts"
import { testSalt } from "../support/SealedFixture.ts"
import { repositoryRoot } from "../support/ServerProcess.ts"
import {
  connectSignedIn,
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  request,
  type SignedInClient,
  type TestUser,
  uuid
} from "../support/TestUsers.ts"

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

/** An agent that has signed in by an attestation. */
interface SignedInAgent extends RawClient {
  readonly user: TestUser
  readonly attestation: Attestation
}

const connectAgent = Effect.fnUntraced(function*(url: string, owner: TestUser, audience: string) {
  const user = makeTestUser()
  const attestation = signAttestation(owner, user, { audience, topics: ["thread:*"], commands: ["submit_prompt"] })
  const client = yield* openClient(url)
  client.send("connect", { public_key: user.key, attestation })
  const challenge = (yield* client.next).payload as unknown as Omit<ServerMessageOf<"challenge">, "_tag">
  client.send("auth", { signature: user.sign(challengeSigningInput(challenge, user.key)) })
  const answer = yield* client.next
  assert.strictEqual(answer.type, "init", JSON.stringify(answer.payload))
  return { ...client, user, attestation } satisfies SignedInAgent
})

/** Asks with the agent's signature. */
const ask = Effect.fnUntraced(function*(agent: SignedInAgent, thread: string) {
  const { attestation: { audience, owner }, user } = agent
  const id = uuid()
  const payload = { prompt: "Why do bridges sing?" }
  const decoded = Schema.decodeUnknownSync(threadKind.Command)({ _tag: "submit_prompt", ...payload })
  const command = commitTexts(decoded, () => saltSource(testSalt, id), sha256)
  const input = signingInput(CommandId.make(id), {
    audience,
    command,
    owner,
    timestamp: 0,
    topic: TopicId.make(thread)
  })
  const more = { id, salt: testSalt, signature: user.sign(input) }
  const { payload: reply, type } = yield* request(agent, "submit_prompt", payload, thread, more)
  assert.strictEqual(type, "receipt", JSON.stringify(reply))
})

/** Writes in a thread, where the agent asks; all envelopes of the thread that the client received, up to the answer. */
const converse = Effect.fnUntraced(function*(client: SignedInClient, agent: SignedInAgent, thread: string) {
  const received: Array<ReceivedMessage> = []
  client.send("submit_message", { content: message }, thread, { salt: testSalt })
  for (;;) {
    const envelope = yield* client.next
    if (envelope.type !== "delta") continue
    received.push(envelope)
    const events = receivedEvents<{ readonly _tag: string; readonly step?: string }>(envelope)
    if (events.some(({ _tag }) => _tag === "MessagePublished")) yield* ask(agent, thread)
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
  it.live("[TOP5] [TOP10] [SYN13] [AUT5] [AUT8] verifies every event that it follows, and finds each that was changed", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer(unlimitedBudgets)
      const ann = yield* connectSignedIn(socketUrl(url))
      const audience = String(ann.init.payload["audience"])
      const agent = yield* connectAgent(socketUrl(url), ann.user, audience)
      const created = yield* request(ann, "create_thread", { name: "Bridges" }, undefined, { salt: testSalt })
      const thread = String(created.payload["topic"])
      yield* request(ann, "invite_co_author", { user: agent.user.key }, thread)
      const subscribed = yield* request(ann, "subscribe", {}, thread)

      const nextLine = yield* startPython(["follow", `${url}/topics/${thread}/events`], {
        CHOIR_AUDIENCE: audience,
        CHOIR_TOKEN: String(ann.init.payload["session_token"])
      })
      const next = Effect.map(nextLine, (line) => JSON.parse(line) as Verified)
      const { head, position } = subscribed.payload as unknown as Required<ServerMessageOf<"subscribed">>
      assert.deepStrictEqual(yield* next, { seq: position.seq, hash: head, texts: ["Bridges"] })

      const received = yield* converse(ann, agent, thread)
      const events = eventsOf(received)
      const verified = yield* Effect.forEach(events, () => next)
      assert.deepStrictEqual(verified.map(({ hash, seq }) => [seq, hash]), events.map(({ hash, seq }) => [seq, hash]))
      assert.deepStrictEqual(verified[0]?.texts, [message])

      const stream = [subscribed, ...received]
      const written = events[0]!.seq
      const middle = events.at(-3)!.seq
      const otherText = (
        event: PublishedEvent,
        change: (opening: readonly [string, string]) => readonly [string, string]
      ) => ({
        ...event,
        open: Object.fromEntries(Object.entries(event.open ?? {}).map(([c, opening]) => [c, change(opening)]))
      })
      const byAgent = events.findIndex(({ signature }) => signature !== undefined)
      const prompt = events[byAgent]!
      /** The log of a server that writes what the agent has not signed, with hashes that fit. */
      const forge = (change: Partial<PublishedEvent>) =>
        tamper(stream, prompt.seq, (event) => {
          const forged = { ...event, ...change }
          const links = { epoch: position.epoch, topic: TopicId.make(thread), prev: events[byAgent - 1]!.hash }
          return { ...forged, hash: entryHash(sha256, { ...forged, ...links }) }
        })
      const attestedBy = (owner: TestUser, more: Partial<Attestation>, signer = owner) => ({
        principal: {
          agent: agent.user.key,
          attestation: signAttestation(owner, agent.user, { audience, ...more }, signer),
          owner: owner.key
        }
      })
      const other = makeTestUser()
      const cases: ReadonlyArray<readonly [stream: ReadonlyArray<unknown>, fault: string]> = [
        [stream, "none"],
        // Erased texts leave the chain as it is.
        [tamper(stream, written, (event) => ({ ...event, open: {} })), "none"],
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
          tamper(stream, written, (event) => ({ ...event, event: { ...event.event as object, source: "elsewhere" } })),
          `event ${written} is not the one with this hash`
        ],
        [
          tamper(stream, written, (event) => otherText(event, ([salt, text]) => [salt, `${text}!`])),
          `event ${written}: a text does not fit its commitment`
        ],
        [
          tamper(stream, written, (event) => otherText(event, ([, text]) => [testSalt, text])),
          `event ${written}: a text does not fit its commitment`
        ],
        [
          tamper(stream, written, (event) => ({ ...event, open: eventsOf(stream).at(-1)!.open })),
          `event ${written}: an opening belongs to no seal`
        ],
        [
          tamper(stream, written, (event) => ({ ...event, hash: "A".repeat(43) })),
          `event ${written} is not the one with this hash`
        ],
        [
          [{ ...subscribed, payload: { ...subscribed.payload, hash: "0".repeat(16) } }],
          "the snapshot is not the state with this hash"
        ],
        [forge({}), "none"],
        [forge({ cause: CommandId.make(uuid()) }), `event ${prompt.seq}: the command is not signed by its author`],
        [forge({ principal: { person: other.key } }), `event ${prompt.seq}: the command is not signed by its author`],
        [
          forge({ signature: { ...prompt.signature!, topic: TopicId.make("thread:other") } }),
          `event ${prompt.seq}: the command was signed for another topic or server`
        ],
        [
          forge({
            principal: {
              agent: agent.user.key,
              attestation: signAttestation(other, agent.user, { audience }),
              owner: other.key
            }
          }),
          `event ${prompt.seq}: the command was signed for another owner`
        ],
        [
          forge({ event: { ...prompt.event as object, content: { c: "A".repeat(43), n: 1 } } }),
          `event ${prompt.seq}: its author has not signed its texts`
        ],
        [forge(attestedBy(ann.user, {}, other)), `event ${prompt.seq}: the attestation is not by the owner`],
        [
          forge(attestedBy(ann.user, { expires_at: prompt.at - 60_001 })),
          `event ${prompt.seq}: the attestation does not allow this`
        ],
        [
          forge(attestedBy(ann.user, { topics: ["room:*"] })),
          `event ${prompt.seq}: the attestation does not allow this`
        ]
      ]
      const nextFault = yield* startPython(
        ["check"],
        { CHOIR_AUDIENCE: audience },
        cases.map(([envelopes]) => JSON.stringify(envelopes)).join("\n")
      )
      assert.deepStrictEqual(yield* Effect.forEach(cases, () => nextFault), cases.map(([, fault]) => fault))
    }).pipe(Effect.scoped))
})
