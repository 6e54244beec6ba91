import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { repositoryRoot, temporaryFolder } from "../support/ServerProcess.ts"

it.live("npm start builds when nothing is built, or from other sources, and not otherwise", () =>
  Effect.scoped(Effect.gen(function*() {
    const root = yield* temporaryFolder
    for (const name of ["build-once.mjs", "build-stamp.mjs"]) {
      cpSync(join(repositoryRoot, "scripts", name), join(root, "scripts", name))
    }
    for (const folder of ["src/web", "node_modules/typescript", "node_modules/vite"]) {
      mkdirSync(join(root, folder), { recursive: true })
    }
    const log = join(root, "log")
    const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    const writePackage = (build: string) =>
      writeFileSync(
        join(root, "package.json"),
        JSON.stringify({
          scripts: { prebuild: scripts["prebuild"], build, postbuild: "node scripts/build-stamp.mjs end" }
        })
      )
    const build = "echo built >> log && mkdir -p dist && touch dist/index.js"
    const builds = (...flags: ReadonlyArray<string>) => {
      rmSync(log, { force: true })
      execFileSync(process.execPath, ["scripts/build-once.mjs", ...flags], { cwd: root, stdio: "pipe" })
      return existsSync(log)
    }
    writePackage(build)
    writeFileSync(join(root, "src/a.ts"), "1")
    assert.isTrue(builds())
    assert.isFalse(builds())
    writeFileSync(join(root, "src/a.ts"), "2")
    assert.isFalse(builds("--if-missing"))
    assert.isTrue(builds())
    writeFileSync(join(root, "src/web/b.css"), "")
    assert.isTrue(builds())
    rmSync(join(root, "src/web/b.css"))
    // A build that fails is no build, and leaves none behind.
    writePackage(`${build} && exit 1`)
    assert.throws(() => builds())
    assert.throws(() => builds())
    writePackage(build)
    assert.isTrue(builds())
    assert.isFalse(builds())
    rmSync(join(root, "dist"), { recursive: true })
    assert.isTrue(builds("--if-missing"))
  })))
