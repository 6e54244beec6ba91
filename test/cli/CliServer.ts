/** A server for command-line tests, with a folder for a user's files. */
import { Effect } from "effect"
import { join } from "node:path"
import { startInProcessServer } from "../support/InProcessServer.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

/** Starts a server; `env` makes `choir` use it with a key in `home`. */
export const startCliServer = Effect.gen(function*() {
  const home = yield* temporaryFolder
  return { home, env: { CHOIR_URL: yield* startInProcessServer(), CHOIR_KEY_FILE: join(home, "key") } }
})

/** The first thread id in what a command printed. */
export const findThreadId = (printed: string): string | undefined => /thread:[\w-]+/.exec(printed)?.[0]
