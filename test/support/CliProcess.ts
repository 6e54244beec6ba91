/** Runs the `choir` command line as a child process. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import process from "node:process"
import { repositoryRoot } from "./ServerProcess.ts"

interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end with `input` on stdin. */
export const runChoir = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, input = "") =>
  Effect.callback<CommandResult>((resume) => {
    const command = ["src/cli/main.ts", ...args]
    const child = execFile(process.execPath, command, { cwd: repositoryRoot, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resume(Effect.succeed({ code, stdout, stderr }))
    })
    child.stdin?.end(input)
    return Effect.sync(() => child.kill("SIGKILL"))
  })
