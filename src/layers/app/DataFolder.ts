/**
 * The data folder: made if it is missing, checked before anything starts (OPS10), and looked at while the server runs
 * (FLT23).
 */
import { Effect, FileSystem, Option, type PlatformError, Ref, Schedule, Schema } from "effect"
import type { Readiness } from "../http/Readiness.ts"
import * as PrivateFolder from "../runtime/PrivateFolder.ts"
import { DataFiles } from "../sql/Sqlite.ts"

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

/**
 * Makes the folder and its parents with the mode 0700 where they are missing, and checks that it is a writable folder. The
 * mode of one that exists is left alone, since it may have other uses: wider ones are warned about.
 */
export const ensureDataFolder = Effect.fnUntraced(function*(folder: string) {
  const files = yield* FileSystem.FileSystem
  const ensureWritable = Effect.gen(function*() {
    yield* PrivateFolder.ensureFolder(folder)
    // Fails for a file.
    yield* files.readDirectory(folder)
    yield* files.access(folder, { writable: true })
    return (yield* files.stat(folder)).mode & 0o777
  })
  const mode = yield* Effect.mapError(
    ensureWritable,
    (error) => new DataFolderUnusable({ folder, reason: reasonOf(error) })
  )
  if ((mode & 0o077) !== 0 && process.platform !== "win32") {
    yield* Effect.logWarning(
      `other users of this machine have access to the data folder ${folder} (mode ${mode.toString(8)}): chmod 700 it`
    )
  }
})

/** How often the data folder is looked at; each write looks at it as well. */
const lookInterval = "1 second"

/**
 * Ends readiness while the data files are not where they were opened, and says so in the log (FLT23). Ends at once for
 * storage of another program, which has no `DataFiles`.
 */
export const watchDataFolder = Effect.fnUntraced(
  function*(folder: string, readiness: Readiness["Service"]) {
    const dataFiles = yield* Effect.serviceOption(DataFiles)
    if (Option.isNone(dataFiles)) return
    const { inPlace } = dataFiles.value
    let wasInPlace = true
    const look = Effect.flatMap(inPlace, (isInPlace) => {
      if (isInPlace === wasInPlace) return Effect.void
      wasInPlace = isInPlace
      return Effect.andThen(
        Ref.set(readiness, isInPlace),
        isInPlace
          ? Effect.logWarning(`the data folder ${folder} is back in its place: commands are stored again`)
          : Effect.logError(
            `the data folder ${folder} was moved or deleted, or files in it were: no command is accepted until they are `
              + "back in their place. If they are lost, stop the server and restore a backup"
          )
      )
    })
    yield* Effect.repeat(look, Schedule.spaced(lookInterval))
  }
)
