/** Makes folders that only their owner may enter, and that survive a power loss. */
import { Effect, FileSystem, Path, type PlatformError } from "effect"

const privateMode = 0o700

/** The system's error behind a `PlatformError`, such as `EACCES`. */
const isSystemCode = ({ reason }: PlatformError.PlatformError, code: string): boolean =>
  reason.cause instanceof Error && "code" in reason.cause && reason.cause.code === code

/** Syncs the names in a folder. Where that cannot be done (Windows, some network file systems), it is left undone. */
const syncNames = Effect.fnUntraced(
  function*(folder: string) {
    const files = yield* FileSystem.FileSystem
    yield* Effect.flatMap(files.open(folder, { flag: "r" }), (file) => file.sync)
  },
  Effect.scoped,
  Effect.catch((error) => isSystemCode(error, "EIO") ? Effect.fail(error) : Effect.void)
)

/**
 * Makes the folder and its parents where they are missing, with the mode 0700 whatever the umask, and syncs the name of
 * each (TOP4). The name of the first one that exists is synced as well: an earlier start may have died after making it.
 */
export const ensureFolder = Effect.fnUntraced(function*(folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let existing = path.resolve(folder)
  // One folder at a time: Node's recursive mkdir loops forever where the system reports ENOENT for a child (/proc).
  const missing: Array<string> = []
  for (; !(yield* files.exists(existing)); existing = path.dirname(existing)) missing.unshift(existing)
  yield* syncNames(path.dirname(existing))
  for (const directory of missing) {
    yield* files.makeDirectory(directory, { mode: privateMode }).pipe(
      Effect.andThen(files.chmod(directory, privateMode)),
      Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void)
    )
    yield* syncNames(path.dirname(directory))
  }
})
