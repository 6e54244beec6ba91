/** The folder of the data file: made when it is not there, and found out to be of no use before anything starts. */
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect"

/** Nothing can be kept in `CHOIR_DATA`; `reason` is what the system says about it. */
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

/** Makes it, with what is above it, and checks that it may be written to. */
export const ensureDataFolder = Effect.fnUntraced(function*(folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // One folder at a time: Node's recursive way never ends where the system says that there is no such place (/proc).
  const missing: Array<string> = []
  const ensureWritable = Effect.gen(function*() {
    for (let parent = path.resolve(folder); !(yield* files.exists(parent)); parent = path.dirname(parent)) {
      missing.unshift(parent)
    }
    for (const directory of missing) {
      yield* Effect.catchReason(files.makeDirectory(directory), "PlatformError", "AlreadyExists", () => Effect.void)
    }
    // Fails for what is no folder, too.
    yield* files.readDirectory(folder)
    yield* files.access(folder, { writable: true })
  })
  yield* Effect.mapError(ensureWritable, (error) => new DataFolderUnusable({ folder, reason: reasonOf(error) }))
})
