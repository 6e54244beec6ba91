/** The built server as a real process: started on a folder of its own, killed, and started again on the same port. */
import { Data, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url))

export class ServerDidNotStart extends Data.TaggedError("ServerDidNotStart")<{
  readonly code: number | null
  readonly stderr: string
}> {}

export interface ServerProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Everything written to stdout and to stderr so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Sends a signal and waits for the end; gives the exit code, null when a signal ended it. */
  readonly stop: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** The environment without the developer's own `CHOIR_*`. */
export const environmentWithoutChoir = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CHOIR_")))

/** A folder that is gone when the scope ends. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "choir-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
)

const awaitExit = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
    else child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** Starts `dist/main.js` and waits for the line with its address. The process ends with the scope. */
export const startServer = (options: {
  readonly data: string
  /** 0, the default, lets the system choose. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  /** What is run: the built server, or its source. */
  readonly main?: "dist/main.js" | "src/main.ts"
  /** Further arguments for Node itself. */
  readonly nodeArgs?: ReadonlyArray<string>
  /** A program and its arguments that run the server: a tracer, say. */
  readonly launcher?: ReadonlyArray<string>
}): Effect.Effect<ServerProcess, ServerDidNotStart, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const command = [
        ...options.launcher ?? [],
        process.execPath,
        "--max-semi-space-size=8",
        ...options.nodeArgs ?? [],
        options.main ?? "dist/main.js"
      ]
      const child = spawn(command[0]!, command.slice(1), {
        cwd: repositoryRoot,
        env: {
          ...environmentWithoutChoir(),
          CHOIR_DATA: options.data,
          CHOIR_PORT: String(options.port ?? 0),
          ...options.env
        },
        stdio: ["ignore", "pipe", "pipe"]
      })
      return child
    }),
    (child) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), awaitExit(child))
  ).pipe(Effect.flatMap((child) =>
    Effect.callback<ServerProcess, ServerDidNotStart>((resume) => {
      let stdout = ""
      let stderr = ""
      child.stderr?.on("data", (chunk: Buffer) => {
        stderr += chunk.toString()
      })
      child.stdout?.on("data", (chunk: Buffer) => {
        stdout += chunk.toString()
        const addressMatch = /(https?:\/\/[^\s:]+:(\d+))/.exec(stdout)
        if (addressMatch === null) return
        resume(Effect.succeed({
          url: addressMatch[1]!,
          port: Number(addressMatch[2]),
          pid: child.pid!,
          stdout: () => stdout,
          stderr: () => stderr,
          stop: (signal) => Effect.andThen(Effect.sync(() => child.kill(signal)), awaitExit(child))
        }))
      })
      child.once("exit", (code) => resume(Effect.fail(new ServerDidNotStart({ code, stderr }))))
    })
  ))
