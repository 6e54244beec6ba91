/** A server for command-line tests, with a folder for a user's files, and users of the client library beside it. */
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Client, Keys } from "../../src/client/index.ts"
import { type CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"

/** Starts a server; `env` makes `choir` use it with a key in `home`. */
export const startCliServer = Effect.gen(function*() {
  const home = yield* temporaryFolder
  const url = yield* startInProcessServer()
  return { home, url, env: { CHOIR_URL: url, CHOIR_KEY_FILE: join(home, "key") } }
})

/** A client with the key in a file of `home`, which is made if there is none. */
export const connectUser = Effect.fnUntraced(function*(url: string, home: string, file: string) {
  const path = join(home, file)
  if (!existsSync(path)) writeFileSync(path, yield* Keys.generateSecret)
  return yield* Client.make({ url, identity: yield* Keys.fromSecret(readFileSync(path, "utf8")), kinds: [threadKind] })
})

/** The thread that the command `id` creates. */
export const threadOf = (client: Client.Client, id: CommandId) => client.topic(threadKind, TopicId.make(`thread:${id}`))

/** The first thread id in what a command printed. */
export const findThreadId = (printed: string): string | undefined => /thread:[\w-]+/.exec(printed)?.[0]
