import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { statSync } from "node:fs"
import { join } from "node:path"
import * as PrivateFolder from "../../../src/layers/runtime/PrivateFolder.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

const modeOf = (path: string) => statSync(path).mode & 0o777

/** Runs with another umask: that of the process is restored. */
const withUmask = <A, E, R>(mask: number, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => process.umask(mask)),
    () => effect,
    (before) => Effect.sync(() => process.umask(before))
  )

describe("ensureFolder", () => {
  it.live.each([0o000, 0o022, 0o277])(
    "makes each missing folder for its owner alone under the umask %s",
    (mask) =>
      Effect.gen(function*() {
        const root = yield* temporaryFolder
        const [first, second] = [join(root, "a"), join(root, "a", "b")]
        yield* withUmask(mask, PrivateFolder.ensureFolder(second))
        assert.deepStrictEqual([modeOf(first), modeOf(second)], [0o700, 0o700])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("fails where the system lets no folder be made, and leaves an existing one as it is", () =>
    Effect.gen(function*() {
      const mode = modeOf("/proc/self")
      yield* PrivateFolder.ensureFolder("/proc/self")
      assert.strictEqual(modeOf("/proc/self"), mode)
      yield* Effect.flip(PrivateFolder.ensureFolder("/proc/choir/deep"))
    }).pipe(Effect.provide(NodeServices.layer)))
})
