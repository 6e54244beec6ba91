/** A small tmpfs mount that tests fill up (FLT3). */
import { Effect, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { closeSync, fsyncSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const tryOrUndefined = <A>(action: () => A): A | undefined => {
  try {
    return action()
  } catch {
    return undefined
  }
}

const mount = (path: string, size: string) =>
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "choir-test", path], { stdio: "ignore" })
const unmount = (path: string) => execFileSync("umount", ["-l", path], { stdio: "ignore" })

/** Whether this process has the right to mount. */
export const canMount = (): boolean => {
  const path = mkdtempSync(join(tmpdir(), "choir-"))
  const mounted = tryOrUndefined(() => mount(path, "64k")) !== undefined
  if (mounted) tryOrUndefined(() => unmount(path))
  tryOrUndefined(() => rmdirSync(path))
  return mounted
}

/** A folder on a file system of `size` (as `mount` takes it), unmounted with the scope. */
export const makeSmallDisk = (size: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(join(tmpdir(), "choir-"))
      mount(path, size)
      return path
    }),
    (path) =>
      Effect.sync(() => {
        unmount(path)
        rmdirSync(path)
      })
  )

/** Fills all free space; the returned effect frees it. */
export const fillDisk = (path: string): Effect.Effect<Effect.Effect<void>> =>
  Effect.sync(() => {
    const filler = join(path, "ballast")
    const file = openSync(filler, "w")
    const block = Buffer.alloc(4_096, 1)
    while (tryOrUndefined(() => writeSync(file, block)) === block.length);
    tryOrUndefined(() => fsyncSync(file))
    closeSync(file)
    return Effect.sync(() => rmSync(filler))
  })
