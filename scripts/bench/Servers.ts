/** The servers under test. Every run starts one as a fresh process on a data folder of its own. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Limits } from "../../src/domain/protocol/Limits.ts"
import type { ServerTarget } from "./load/LoadSpec.ts"

/** A server and how it is started. */
export interface BenchServer {
  readonly name: string
  readonly adapter: ServerTarget["adapter"]
  /** The program. */
  readonly main: string
  /** The checkout in which it runs. */
  readonly root: string
}

/** This checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url))

const comparisonServer = (name: string, adapter: ServerTarget["adapter"], main: URL): BenchServer => ({
  name,
  adapter,
  root,
  main: fileURLToPath(main)
})

/** Choir from a checkout. */
export const choirServer = (name: string, checkout: string): BenchServer => ({
  name,
  adapter: "choir",
  root: checkout,
  main: join(checkout, "src/main.ts")
})

/** Plain `ws`. */
export const wsServer = comparisonServer("ws", "plain", new URL("./servers/PlainWs.ts", import.meta.url))
/** Socket.IO. */
export const socketIoServer = comparisonServer(
  "socket.io",
  "socketio",
  new URL("./servers/SocketIo.ts", import.meta.url)
)
/** uWebSockets.js. */
export const uwsServer = comparisonServer("uws", "plain", new URL("./servers/Uws.ts", import.meta.url))

/** Limits per address: the whole load comes from few addresses. */
export const singleAddressLimits: ReadonlyArray<keyof Limits> = [
  "authPerMinute",
  "authBurst",
  "connections",
  "connectionsPerAddress"
]

/** The same, and the rate of a user's commands: one writes a long thread first. */
export const writerLimits: ReadonlyArray<keyof Limits> = [...singleAddressLimits, "messagesPerMinute", "messageBurst"]

/** The same, and all other limits per user: the load exceeds a user's rate. */
export const multiUserLimits: ReadonlyArray<keyof Limits> = [
  ...writerLimits,
  "signalsPerSecond",
  "readsPerMinute",
  "readBurst",
  "inFlight"
]

const makeEnvironment = (data: string, raised: ReadonlyArray<keyof Limits>): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CHOIR_"))),
  CHOIR_DATA: data,
  CHOIR_PORT: "0",
  ...Object.fromEntries(
    raised.map((name) => [`CHOIR_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`, "10000000"])
  )
})

const collectorProbe = fileURLToPath(new URL("./servers/Probe.ts", import.meta.url))

/** A started server. */
export interface RunningServer {
  readonly port: number
  readonly pid: number
}

/**
 * Starts a server and waits until it listens; undefined when it exits before. It is stopped with the scope. Each server
 * sets the Node flags that suit it.
 */
export const startServer = (
  server: BenchServer,
  raised: ReadonlyArray<keyof Limits>,
  nodeArgs: ReadonlyArray<string>
): Effect.Effect<RunningServer | undefined, never, Scope.Scope> =>
  Effect.gen(function*() {
    const data = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "choir-bench-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
    )
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--expose-gc", "--import", collectorProbe, ...nodeArgs, server.main], {
          cwd: server.root,
          env: makeEnvironment(data, raised),
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.andThen(Effect.sync(() => child.kill("SIGTERM")), awaitExit(child))
    )
    return yield* awaitAddress(child)
  })

const awaitExit = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  }).pipe(Effect.timeoutOption("3 seconds"), Effect.andThen(Effect.sync(() => child.kill("SIGKILL"))))

const awaitAddress = (child: ChildProcess): Effect.Effect<RunningServer | undefined> =>
  Effect.callback((resume) => {
    let stdout = ""
    child.stderr?.on("data", (bytes: Buffer) => process.stderr.write(bytes))
    child.stdout?.on("data", (bytes: Buffer) => {
      stdout += bytes.toString()
      const port = /http:\/\/[^\s:]+:(\d+)/.exec(stdout)?.[1]
      if (port !== undefined && child.pid !== undefined) resume(Effect.succeed({ port: Number(port), pid: child.pid }))
    })
    child.once("exit", () => resume(Effect.undefined))
  })
