/** A disk of few bytes, and how to fill it (FLT3). */
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

/** Whether this process may mount at all. */
export const canMount = (): boolean => {
  const path = mkdtempSync(join(tmpdir(), "choir-"))
  const mounted = tryOrUndefined(() => mount(path, "64k")) !== undefined
  if (mounted) tryOrUndefined(() => unmount(path))
  tryOrUndefined(() => rmdirSync(path))
  return mounted
}

/** A folder on a disk of its own, gone with the scope. `size` as `mount` takes it. */
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

/** Takes all the space that is left; the given effect gives it back. */
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
