import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { readTexts } from "../../src/cli/ImportFiles.ts"
import { Keys } from "../../src/client/index.ts"
import { TopicId } from "../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import { runChoir, startChoir, terminalUnavailable } from "../support/CliProcess.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { temporaryFolder } from "../support/ServerProcess.ts"
import { connectUser, findThreadId, startCliServer } from "./CliServer.ts"

/** Writes files, and makes links to what follows `->`. */
const write = (root: string, files: Readonly<Record<string, string>>) => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    if (content.startsWith("->")) symlinkSync(content.slice(2), join(root, path))
    else writeFileSync(join(root, path), content)
  }
}

/** The files that are read and the lines about the others. */
const read = (path: string, keyFile = "/no/key") =>
  readTexts(path, keyFile).pipe(
    Effect.map(({ files, omissions }) => ({ sources: files.map(({ source }) => source), omissions })),
    Effect.provide(NodeServices.layer)
  )

describe("the files of choir import", () => {
  it.live("never leave the folder, and each is read once, whatever links there are", () =>
    Effect.scoped(Effect.gen(function*() {
      const root = yield* temporaryFolder
      write(root, {
        "outside.md": "private",
        "elsewhere/b.md": "private",
        "docs/a.md": "# A",
        "docs/sub/b.md": "b",
        "docs/data.csv": "1,2",
        "docs/.hidden/c.md": "hidden",
        // Links that stay in the folder lead to files that are read, or become text by their name.
        "docs/again.md": "->a.md",
        "docs/numbers.txt": "->data.csv",
        "docs/numbers2.txt": "->data.csv",
        // Links that leave it, or go round.
        "docs/up.md": "->../outside.md",
        "docs/absolute.md": `->${join(root, "outside.md")}`,
        "docs/folder": "->../elsewhere",
        "docs/self": "->.",
        "docs/sub/round": "->..",
        "docs/sub/round2": "->../sub",
        "docs/secret.md": "->.hidden/c.md",
        "docs/broken.md": "->gone"
      })
      execFileSync("mkfifo", [join(root, "docs", "pipe.md")])
      const found = yield* read(join(root, "docs"))
      assert.deepStrictEqual(found.sources, ["a.md", "sub/b.md", "numbers.txt"])
      assert.sameMembers([...found.omissions], [
        "Skipped broken.md: it cannot be read.",
        "Skipped pipe.md: it cannot be read.",
        "Skipped absolute.md: it leads out of the folder.",
        "Skipped up.md: it leads out of the folder.",
        "Skipped folder: it leads out of the folder.",
        "Skipped again.md: it leads to a.md, which is read already.",
        "Skipped self: it leads to the folder itself, which is read already.",
        "Skipped sub/round: it leads to the folder itself, which is read already.",
        "Skipped sub/round2: it leads to sub, which is read already.",
        "Skipped numbers2.txt: another link leads to the same file.",
        "Skipped secret.md: it leads to something hidden.",
        "Skipped 1 file of other kinds (1 .csv): only .md, .markdown and .txt are read.",
        "Skipped 1 hidden file or folder."
      ])
      // The folder itself may be named by a link.
      write(root, { link: "->docs" })
      assert.deepStrictEqual(yield* read(join(root, "link")), found)
    })))

  it.live("never include a secret key, by its path, its content, or as the one file that is named", () =>
    Effect.scoped(Effect.gen(function*() {
      const root = yield* temporaryFolder
      const secret = yield* Keys.generateSecret
      write(root, {
        "docs/a.md": "The prefix of a key is choir_sk_.",
        "docs/mine.txt": "an own key in another form",
        "docs/theirs.md": `Look: "${secret}"`
      })
      const keyFile = join(root, "docs", "mine.txt")
      assert.deepStrictEqual(yield* read(join(root, "docs"), keyFile), {
        sources: ["a.md"],
        omissions: ["Skipped mine.txt: it is your key.", "Skipped theirs.md: it contains a secret key."]
      })
      write(root, { "notes.md": `->${keyFile}` })
      for (const named of [keyFile, join(root, "notes.md"), join(root, "docs", "theirs.md")]) {
        assert.deepStrictEqual((yield* read(named, keyFile)).sources, [])
      }
    })))

  it.live("have paths that a message can name; of one file that is named the ending does not matter", () =>
    Effect.scoped(Effect.gen(function*() {
      const root = yield* temporaryFolder
      const deep = Array.from({ length: 5 }, () => "x".repeat(220)).join("/")
      write(root, { [`${deep}/a.md`]: "deep", "b.rst": "text" })
      const { omissions, sources } = yield* read(root)
      assert.deepStrictEqual(sources, [])
      assert.match(omissions.join("\n"), /its path is too long or not Unicode/)
      assert.deepStrictEqual((yield* read(join(root, "b.rst"))).sources, ["b.rst"])
      const missing = yield* Effect.flip(read(join(root, "gone")))
      assert.strictEqual(missing.message, `${join(root, "gone")} does not exist.`)
    })))
})

describe("choir import", () => {
  it.live("--dry-run lists what would be sent without a server, and no control character of a name is printed", () =>
    Effect.scoped(Effect.gen(function*() {
      const root = yield* temporaryFolder
      write(root, { "e\u001b[2J\u202e.md": "# A\n\n# B", "blank.md": " \n", "c.ts": "" })
      writeFileSync(join(root, "d.txt"), Buffer.of(0xff, 0xfe, 0x00))
      assert.deepStrictEqual(yield* runChoir(["import", root, "--dry-run"], { CHOIR_KEY_FILE: join(root, "key") }), {
        code: 0,
        stdout: "Skipped 1 file of other kinds (1 .ts): only .md, .markdown and .txt are read.\n"
          + "Skipped d.txt: it is not UTF-8 text.\ne␛[2J\uFFFD.md: 2 chunks\n2 chunks from 1 file. Nothing was sent.\n",
        stderr: ""
      })
    })))

  it.live("[TOP10] publishes only when told to, and repeats add nothing, also under a name that the server shortens", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* startCliServer
      const folder = join(home, `notes ${"x".repeat(200)} `)
      write(folder, { "a.md": "Steep green tea at 80 degrees.", "b.md": "Two minutes." })
      const refused = yield* runChoir(["import", folder], env)
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /^This publishes 2 chunks from 2 files to everybody.*--yes.*--private/)
      const published = yield* runChoir(["import", folder, "--yes"], env)
      assert.match(published.stdout, /^Imported 2 of 2 chunks from 2 files into thread:/m)
      const repeated = yield* runChoir(["import", folder, "--yes"], env)
      assert.match(repeated.stdout, /^Imported 0 of 2 chunks from 2 files into thread:/m)
      assert.strictEqual(findThreadId(repeated.stdout), findThreadId(published.stdout))
      // What its author has erased is not published again.
      const author = yield* connectUser(env.CHOIR_URL, home, "key")
      const topic = author.topic(threadKind, TopicId.make(findThreadId(published.stdout)!))
      yield* topic.send({ _tag: "erase", seq: 2 })
      const erased = yield* runChoir(["import", folder, "--yes"], env)
      assert.match(erased.stdout, /^Imported 0 of 2 chunks from 2 files into thread:/m)
      const single = yield* runChoir(["import", join(folder, "a.md"), "-y"], env)
      assert.match(single.stdout, /^Imported 1 of 1 chunk from 1 file into thread:/m)
      assert.notStrictEqual(findThreadId(single.stdout), findThreadId(published.stdout))
    })))

  it.live("[THR10] --private makes a thread that a stranger cannot read, and never goes into a public one", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* startCliServer
      const folder = join(home, "notes")
      write(folder, { "a.md": "Steep green tea at 80 degrees." })
      const published = yield* runChoir(["import", folder, "--yes"], env)
      const kept = yield* runChoir(["import", folder, "--private"], env)
      assert.strictEqual(kept.code, 0)
      const thread = findThreadId(kept.stdout)!
      assert.notStrictEqual(findThreadId(published.stdout), thread)
      const stranger = { ...env, CHOIR_KEY_FILE: join(home, "stranger") }
      assert.strictEqual((yield* runChoir(["vote", "--thread", thread], stranger)).code, 1)
      const mixed = yield* runChoir(["import", folder, "--private", "--thread", findThreadId(published.stdout)!], env)
      assert.strictEqual(mixed.code, 1)
      assert.include(mixed.stderr, "is public")
    })))
})

Prerequisite.describeWith(Prerequisite.terminal(terminalUnavailable()), "choir import at a terminal", () => {
  it.live("asks before it publishes, and takes y for an answer", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* startCliServer
      const folder = join(home, "notes")
      write(folder, { "a.md": "Steep green tea at 80 degrees." })
      const declined = yield* startChoir(["import", folder], env, { terminal: true })
      yield* declined.awaitPrinted("[y/N] ")
      yield* declined.type("\r")
      assert.strictEqual(yield* declined.ended, 1)
      assert.include(declined.printed(), "Nothing was sent.")
      const accepted = yield* startChoir(["import", folder], env, { terminal: true })
      yield* accepted.awaitPrinted("[y/N] ")
      yield* accepted.type("y\r")
      assert.strictEqual(yield* accepted.ended, 0)
      assert.include(accepted.printed(), "Imported 1 of 1 chunk from 1 file into thread:")
    })))
})
