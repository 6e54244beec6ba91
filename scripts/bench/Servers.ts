/** The servers that are compared, each as a fresh process for every run. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Limits } from "../../src/domain/Limits.ts"
import type { Target } from "./load/Job.ts"

export interface Server {
  readonly name: string
  readonly dialect: Target["dialect"]
  /** What Node runs. */
  readonly main: string
  /** The checkout it runs in. */
  readonly root: string
}

export const root = fileURLToPath(new URL("../..", import.meta.url))

const other = (name: string, dialect: Target["dialect"], main: URL): Server => ({
  name,
  dialect,
  root,
  main: fileURLToPath(main)
})

/** Choir as it is in a checkout. */
export const choir = (name: string, checkout: string): Server => ({
  name,
  dialect: "choir",
  root: checkout,
  main: join(checkout, "src/main.ts")
})

export const ws = other("ws", "plain", new URL("./servers/PlainWs.ts", import.meta.url))
export const socketio = other("socket.io", "socketio", new URL("./servers/SocketIo.ts", import.meta.url))
export const uws = other("uws", "plain", new URL("./servers/Uws.ts", import.meta.url))

/** What keeps many people from coming from a few addresses: all load does. */
export const forOneAddress: ReadonlyArray<keyof Limits> = [
  "authPerMinute",
  "authBurst",
  "connections",
  "connectionsPerAddress"
]

/** And what keeps people from sending faster than people do. */
export const forPeople: ReadonlyArray<keyof Limits> = [
  ...forOneAddress,
  "signalsPerSecond",
  "messagesPerMinute",
  "messageBurst",
  "readsPerMinute",
  "readBurst",
  "inFlight"
]

const environment = (data: string, raised: ReadonlyArray<keyof Limits>): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CHOIR_"))),
  CHOIR_DATA: data,
  CHOIR_PORT: "0",
  ...Object.fromEntries(
    raised.map((name) => [`CHOIR_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`, "10000000"])
  )
})

const probe = fileURLToPath(new URL("./servers/Probe.ts", import.meta.url))

export interface Running {
  readonly port: number
  readonly pid: number
}

/**
 * Starts a server on data of its own, and waits for its address; undefined when it cannot start. It ends with the
 * scope. Which flags of Node are good for it is the server's own affair.
 */
export const start = (
  server: Server,
  raised: ReadonlyArray<keyof Limits>,
  nodeArgs: ReadonlyArray<string>
): Effect.Effect<Running | undefined, never, Scope.Scope> =>
  Effect.gen(function*() {
    const data = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "choir-bench-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
    )
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--expose-gc", "--import", probe, ...nodeArgs, server.main], {
          cwd: server.root,
          env: environment(data, raised),
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.andThen(Effect.sync(() => child.kill("SIGTERM")), ended(child))
    )
    return yield* address(child)
  })

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  }).pipe(Effect.timeoutOption("3 seconds"), Effect.andThen(Effect.sync(() => child.kill("SIGKILL"))))

const address = (child: ChildProcess): Effect.Effect<Running | undefined> =>
  Effect.callback((resume) => {
    let said = ""
    child.stderr?.on("data", (bytes: Buffer) => process.stderr.write(bytes))
    child.stdout?.on("data", (bytes: Buffer) => {
      said += bytes.toString()
      const port = /http:\/\/[^\s:]+:(\d+)/.exec(said)?.[1]
      if (port !== undefined && child.pid !== undefined) resume(Effect.succeed({ port: Number(port), pid: child.pid }))
    })
    child.once("exit", () => resume(Effect.undefined))
  })
