/** The data folder: created if missing, and checked for write access before anything starts (OPS10). */
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect"

/** `CHOIR_DATA` cannot be created or written to; `reason` is the system's message. */
export class DataFolderUnusable extends Schema.TaggedError<DataFolderUnusable>()("DataFolderUnusable", {
  folder: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `CHOIR_DATA=${JSON.stringify(this.folder)} cannot be used: ${this.reason}`
  }
}

const reasonOf = ({ message, reason }: PlatformError.PlatformError): string =>
  reason.cause instanceof Error ? reason.cause.message : message

/** Creates the folder and its parents if missing, and checks that it is a writable folder. */
export const ensureDataFolder = Effect.fnUntraced(function*(folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // One folder at a time: Node's recursive mkdir loops forever where the system reports ENOENT for a child (/proc).
  const missing: Array<string> = []
  const ensureWritable = Effect.gen(function*() {
    for (let parent = path.resolve(folder); !(yield* files.exists(parent)); parent = path.dirname(parent)) {
      missing.unshift(parent)
    }
    for (const directory of missing) {
      yield* Effect.catchReason(files.makeDirectory(directory), "PlatformError", "AlreadyExists", () => Effect.void)
    }
    // Fails for a file.
    yield* files.readDirectory(folder)
    yield* files.access(folder, { writable: true })
  })
  yield* Effect.mapError(ensureWritable, (error) => new DataFolderUnusable({ folder, reason: reasonOf(error) }))
})
