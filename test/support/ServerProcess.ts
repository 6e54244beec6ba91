/** Runs the server as a child process that tests can signal, kill and restart on the same folder and port. */
import { Data, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The root of this checkout. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url))

/** The server exited before it listened. */
export class ServerDidNotStart extends Data.TaggedError("ServerDidNotStart")<{
  readonly code: number | null
  readonly stderr: string
}> {}

/** A server that listens. */
export interface ServerProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Everything written to stdout and to stderr so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Closes the pipes that stdout and stderr are written to, as a reader that goes away. */
  readonly closeOutput: () => void
  /** Sends a signal and waits for the exit; returns the code, or null when a signal ended the process. */
  readonly stop: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** The environment without `CHOIR_*` settings of the developer. */
export const environmentWithoutChoir = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CHOIR_")))

/** A temporary folder, removed with the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "choir-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
)

const awaitExit = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
    else child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** Starts the server and waits until it prints its address. The process is killed with the scope. */
export const startServer = (options: {
  readonly data: string
  /** Default: 0, a free port. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  /** The built server, which is the default, its source, or the path of another program that prints a server's address. */
  readonly main?: string
  /** Additional Node arguments. */
  readonly nodeArgs?: ReadonlyArray<string>
  /** A program with arguments that runs the server, such as a tracer. */
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
          closeOutput: () => {
            child.stdout?.destroy()
            child.stderr?.destroy()
          },
          stop: (signal) => Effect.andThen(Effect.sync(() => child.kill(signal)), awaitExit(child))
        }))
      })
      child.once("exit", (code) => resume(Effect.fail(new ServerDidNotStart({ code, stderr }))))
    })
  ))
