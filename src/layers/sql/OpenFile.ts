/** A file that this process has open: its mode, whether its path still leads to it, and what may change that (FLT23). */
import { chmodSync, closeSync, openSync, statSync } from "node:fs"

/** Read and written by its owner only. */
export const privateMode = 0o600

/**
 * Makes the file unless it exists, and lets only its owner read and write it, whatever the umask. Throws the system's error
 * if the file cannot be made.
 */
export const ensurePrivate = (path: string): void => {
  try {
    // Only a new file is opened: closing one drops the locks that SQLite has on it in this process.
    closeSync(openSync(path, "wx", privateMode))
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause
  }
  ensurePrivateMode(path)
}

/** Lets only the owner read and write the file, if there is one. File systems without modes keep theirs. */
export const ensurePrivateMode = (path: string): void => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFile() !== true || (found.mode & 0o777) === privateMode) return
  try {
    chmodSync(path, privateMode)
  } catch (cause) {
    if (!isCode(cause, "EPERM", "ENOTSUP", "ENOSYS")) throw cause
  }
}

const isCode = (cause: unknown, ...codes: ReadonlyArray<string>): boolean =>
  cause instanceof Error && "code" in cause && codes.includes(String(cause.code))

/** A path, and the file that it led to when this was made. While that file is open, no other gets its inode. */
export class OpenFile {
  private readonly path: string
  private readonly device: bigint
  private readonly inode: bigint

  /** Throws the system's error if there is no such file. */
  constructor(path: string) {
    const { dev, ino } = statSync(path, { bigint: true })
    this.path = path
    this.device = dev
    this.inode = ino
  }

  /** Whether the path leads to the same file still; false where that cannot be found out. */
  get isInPlace(): boolean {
    try {
      const found = statSync(this.path, { bigint: true, throwIfNoEntry: false })
      return found?.ino === this.inode && found.dev === this.device
    } catch {
      return false
    }
  }
}

/** Milliseconds after which a change has another time than an earlier one: the coarsest file system counts in 2 s. */
const coarsestTick = 2_000

/** Tells by one `stat` whether files of a folder may have been moved, deleted or replaced since the last look. */
export class FolderWatch {
  private readonly path: string
  private readonly tickMillis: number
  private device: bigint | undefined
  private inode: bigint | undefined
  private changedAt: bigint | undefined
  /** When this change was first seen, and whether it was looked at so much later that no other can have its time. */
  private seenAt = 0
  private settled = false

  constructor(path: string, tickMillis = coarsestTick) {
    this.path = path
    this.tickMillis = tickMillis
  }

  /** Looks. True the first time, and where it cannot be found out. */
  mayHaveChanged(): boolean {
    try {
      // To rename, delete or create a file is to change its folder (POSIX). Nobody can set the time of that.
      const { ctimeNs, dev, ino } = statSync(this.path, { bigint: true })
      if (ctimeNs === this.changedAt && ino === this.inode && dev === this.device) {
        if (this.settled) return false
        this.settled = performance.now() - this.seenAt > this.tickMillis
        return true
      }
      this.device = dev
      this.inode = ino
      this.changedAt = ctimeNs
      this.seenAt = performance.now()
      this.settled = false
    } catch {
      this.changedAt = undefined
    }
    return true
  }
}
