/** Runs the `choir` command line as a child process. */
import { Effect, Schedule, type Scope } from "effect"
import { execFile, spawn, spawnSync } from "node:child_process"
import process, { env as inherited } from "node:process"
import { repositoryRoot } from "./ServerProcess.ts"

const cli = "src/cli/main.ts"

interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end with `input` on stdin. */
export const runChoir = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, input = "") =>
  Effect.callback<CommandResult>((resume) => {
    const child = execFile(process.execPath, [cli, ...args], { cwd: repositoryRoot, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resume(Effect.succeed({ code, stdout, stderr }))
    })
    child.stdin?.end(input)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A command that runs while a test talks with it. */
export interface RunningCommand {
  /** Everything printed so far, to both outputs. */
  readonly printed: () => string
  /** Waits until something was printed; returns everything. */
  readonly awaitPrinted: (text: RegExp | string) => Effect.Effect<string>
  readonly type: (text: string) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The exit code. */
  readonly ended: Effect.Effect<number | null>
}

/** Why no command can run at a terminal here; undefined when one can. */
export const terminalUnavailable = (): string | undefined =>
  spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0
    ? undefined
    : "script, of util-linux, is not installed"

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** Starts a command. `terminal` gives it one to type at; without a `reader` its outputs are closed. It is killed with the scope. */
export const startChoir = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  { reader = true, terminal = false }: { readonly reader?: boolean; readonly terminal?: boolean } = {}
): Effect.Effect<RunningCommand, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const command = [process.execPath, cli, ...args]
      const [program, ...rest] = terminal
        ? ["script", "-qefc", `stty cols 80; exec ${command.map(quote).join(" ")}`, "/dev/null"]
        : command
      // A group of its own, since `script` starts a child.
      return spawn(program!, rest, {
        cwd: repositoryRoot,
        env: { PATH: inherited["PATH"], TERM: "xterm", ...env },
        stdio: ["pipe", "pipe", "pipe"],
        detached: true
      })
    }),
    (child) =>
      Effect.sync(() => child.exitCode === null && child.signalCode === null && process.kill(-child.pid!, "SIGKILL"))
  ).pipe(Effect.map((child) => {
    let printed = ""
    for (const stream of [child.stdout, child.stderr]) {
      if (!reader) stream.destroy()
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString()
      })
    }
    return {
      printed: () => printed,
      awaitPrinted: (text) =>
        Effect.sync(() => printed).pipe(Effect.repeat({
          until: (all) => typeof text === "string" ? all.includes(text) : text.test(all),
          schedule: Schedule.spaced("10 millis")
        })),
      type: (text) => Effect.sync(() => void child.stdin.write(text)),
      signal: (signal) => Effect.sync(() => void child.kill(signal)),
      ended: Effect.callback((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
        else child.once("exit", (code) => resume(Effect.succeed(code)))
      })
    }
  }))
