/**
 * A third-party engine made from the package's exports alone: lines of JSON over
 * TCP. It passes the same conformance suite as the engines of this package (SOC4).
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Queue, Result } from "effect"
import { type AddressInfo, connect, createServer, type Socket as Tcp } from "node:net"
import { type Client, ConnectFailed, type Harness } from "../../../src/conformance/SocketConformance.ts"
import { defaults, type Limits } from "../../../src/domain/protocol/Limits.ts"
import { Layers } from "../../../src/index.ts"
import { missingMembers } from "../../../src/layers/socket/core/SocketContract.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { conformanceSuite } from "../../contract/Socket.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

/** Not `readline`, which also splits at U+2028. */
const eachLine = (tcp: Tcp, onLine: (kind: string, payload: never, reason: string) => void) => {
  let rest = ""
  tcp.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(...JSON.parse(line) as [string, never, string])
  })
}

const make = Effect.fnUntraced(function*(limits: Limits) {
  const engine = yield* Layers.SocketEngine.make({
    limits,
    capabilities: ["backpressure", "batching"],
    runAfterTurn: setImmediate
  })
  const line = (...args: ReadonlyArray<unknown>) => `${JSON.stringify(args)}\n`
  const server = createServer((tcp) => {
    const events = engine.accept({
      write: (frames) => tcp.write(frames.map(({ text }) => line("text", text)).join("")),
      unsentBytes: () => tcp.writableLength,
      close: (code, reason) => tcp.end(line("close", code, reason)),
      terminate: () => tcp.destroy()
    }, { address: tcp.remoteAddress ?? "", origin: "", userAgent: "" })
    let code = 1006
    tcp.on("error", (fault) => events.onError(fault))
    tcp.on("drain", () => events.onDrained())
    tcp.on("close", () => events.onClosed(code))
    eachLine(tcp, (kind, payload) => {
      if (kind === "text") return events.onMessage(payload)
      code = payload
      tcp.end()
    })
  })
  let running = false
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  const boundAddress = Effect.sync(() => running ? server.address() as AddressInfo : undefined)
  return engine.makeService({
    start: Effect.callback((resume) => {
      server.listen(0, "127.0.0.1", () => {
        running = true
        resume(Effect.succeed(server.address() as AddressInfo))
      })
    }),
    stop: Effect.callback((resume) => {
      running = false
      engine.closeAll()
      server.close(() => resume(Effect.void))
    }),
    isRunning: Effect.sync(() => running),
    getAddress: Effect.map(boundAddress, (bound) => bound?.address),
    getPort: Effect.map(boundAddress, (at) => at?.port)
  })
})

const lineClients: Pick<Harness, "clientCapabilities" | "connect"> = {
  clientCapabilities: new Set(["stall", "terminate"]),
  connect: Effect.fnUntraced(function*({ address, port }) {
    const texts = yield* Queue.unbounded<string>()
    const closed = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
    const tcp = yield* Effect.acquireRelease(
      Effect.sync(() => connect(port, address)),
      (tcp: Tcp) => Effect.sync(() => tcp.destroy())
    )
    yield* Effect.callback<void, ConnectFailed>((resume) => {
      tcp.on("error", (fault) => resume(Effect.fail(new ConnectFailed({ reason: fault.message }))))
      tcp.on("connect", () => resume(Effect.void))
    })
    eachLine(tcp, (kind, payload, reason) => {
      if (kind === "text") Queue.offerUnsafe(texts, payload)
      else {
        tcp.end()
        Deferred.doneUnsafe(closed, Effect.succeed({ code: payload, reason }))
      }
    })
    const client: Client = {
      send: (text) => void tcp.write(`${JSON.stringify(["text", text])}\n`),
      close: (code) => void tcp.end(`${JSON.stringify(["close", code])}\n`),
      nextMessage: Queue.take(texts),
      closed: Deferred.await(closed),
      stall: () => tcp.pause(),
      resume: () => tcp.resume(),
      terminate: () => tcp.destroy()
    }
    return client
  })
}

conformanceSuite({ name: "lines over TCP", engine: (limits) => Layer.effect(Socket, make(limits)), ...lineClients })

/** An engine that lacks two members. */
const incompleteEngine = Effect.gen(function*() {
  const { broadcast, start, ...rest } = yield* Socket
  return { broadcast, start, rest }
}).pipe(Effect.provide(Layers.SocketMemory.layer(defaults)))

describe("an incomplete engine", () => {
  it.effect("[SOC4] does not compile", () =>
    Effect.map(incompleteEngine, ({ broadcast, rest, start }) => {
      // @ts-expect-error start and broadcast are missing
      Socket.of(rest)
      // @ts-expect-error not a capability
      Socket.of({ ...rest, broadcast, start, capabilities: new Set(["telepathy"]) })
      assert.isDefined(Socket.of({ ...rest, broadcast, start }))
    }))

  it.effect("[SOC4] is reported with the names of its missing members", () =>
    Effect.map(incompleteEngine, ({ broadcast, rest }) => {
      assert.deepStrictEqual(missingMembers(rest), ["start", "broadcast"])
      assert.deepStrictEqual(missingMembers({ ...rest, start: () => {}, broadcast }), ["start"])
      assert.lengthOf(missingMembers(undefined), 18)
    }))

  it.effect("[SOC4] stops the start of the server", () =>
    Effect.gen(function*() {
      const { rest } = yield* incompleteEngine
      const settings = Result.getOrThrow(Layers.Config.parse({ CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: "0" }))
      const engine = Layer.succeed(Socket, rest as unknown as Socket["Service"])
      const fault = yield* Effect.flip(Layer.build(Layers.App.layer(settings, { socketEngine: () => engine })))
      assert.strictEqual(fault.message, "the socket engine is incomplete: it lacks start, broadcast")
    }).pipe(Effect.provide(NodeServices.layer)))
})
