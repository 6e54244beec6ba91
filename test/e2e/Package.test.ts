/** The package as a library: packed, and used by a program that has installed it. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { build } from "vite"
import { browserTimeout, executablePath, fromPromise, launchBrowser } from "../support/Browser.ts"
import * as InstalledPackage from "../support/InstalledPackage.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Snippets from "../support/Snippets.ts"

/** A program's folder in which the package is installed. */
class Program extends Context.Service<Program, InstalledPackage.InstalledPackage>()(
  "choir/test/e2e/Package.test/Program"
) {
  static readonly layer = Layer.effect(Program, InstalledPackage.installPackage)
}

const readmeSnippets = Snippets.markdownExamples("README.md")

/** Prints the packages whose modules are loaded with an entry of the package. */
const listLoaded = `
  import { registerHooks } from "node:module"
  const loaded = new Set()
  registerHooks({
    load(url, context, next) {
      loaded.add(/.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? url)
      return next(url, context)
    }
  })
  await import(process.argv[2])
  console.log(JSON.stringify([...loaded].filter((name) => name !== "choir").sort()))
`

/** A server with the README's kind, and the built page of this test. */
const server = `
  import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
  import * as NodeServices from "@effect/platform-node/NodeServices"
  import { Layers } from "choir"
  import { Effect, Layer } from "effect"
  import { join } from "node:path"
  import { tally } from "./tally.ts"

  const page = join(import.meta.dirname, "page", "dist")
  const server = Effect.map(Layers.Config.load, (settings) => Layers.App.layer(settings, { kinds: [tally], page }))
  const announced = Layer.effectDiscard(Effect.map(Layers.App.ServerAddress, ({ url }) => console.log(url)))
  NodeRuntime.runMain(Layer.launch(
    announced.pipe(Layer.provide(Layer.unwrap(server)), Layer.provide(NodeServices.layer))
  ))
`

const page = `
  import { Client, Ids, Keys } from "choir/client"
  import { Effect } from "effect"
  import { tally } from "../tally.ts"

  const identity = await Effect.runPromise(Effect.flatMap(Keys.generateSecret, Keys.fromSecret))
  const client = await Client.open({ url: location.origin, identity, kinds: [tally] })
  const topic = client.topic(tally, Ids.TopicId.make("tally:votes"))
  topic.onView((view) => {
    document.querySelector("p")!.textContent = \`\${view.confirmed.count} confirmed\`
  })
  document.querySelector("button")!.onclick = () => void topic.sendPromise({ _tag: "add", by: 2 })
`

const html =
  `<!doctype html><title>Tally</title><p></p><button>Add</button><script type="module" src="main.ts"></script>`

/** Bundles the page; what the bundler had to say. */
const bundlePage = Effect.fnUntraced(function*(folder: string) {
  const warnings: Array<string> = []
  mkdirSync(join(folder, "page"))
  writeFileSync(join(folder, "page", "index.html"), html)
  writeFileSync(join(folder, "page", "main.ts"), page)
  yield* Effect.promise(() =>
    build({
      root: join(folder, "page"),
      configFile: false,
      logLevel: "silent",
      build: {
        target: "es2023",
        modulePreload: { polyfill: false },
        rolldownOptions: { onLog: (level, { message }) => void (level === "warn" ? warnings.push(message) : undefined) }
      }
    })
  )
  return warnings
})

layer(Program.layer, { excludeTestServices: true })("the installed package", (it) => {
  it.effect("[OPS14] brings neither a Node nor an effect of its own, and no optional package", () =>
    Effect.gen(function*() {
      const { manifests } = yield* Program
      const { dependencies, peerDependencies, peerDependenciesMeta } = manifests.get("choir")!
      assert.deepStrictEqual(Object.keys(dependencies ?? {}), ["@noble/hashes", "ws"])
      assert.deepInclude(peerDependencies, {
        effect: "^4.1.0",
        "@effect/platform-node": "^4.1.0",
        "socket.io": "^4.8.0",
        react: ">=19"
      })
      assert.deepInclude(peerDependenciesMeta, { react: { optional: true } })
      for (const { bin, name } of manifests.values()) {
        assert.notProperty(typeof bin === "string" ? { [name]: bin } : bin ?? {}, "node")
      }
      for (
        const optional of [
          "socket.io",
          "@effect/sql-pg",
          "@qdrant/js-client-rest",
          "@ai-sdk/provider",
          "zod",
          "typescript"
        ]
      ) {
        assert.isFalse(manifests.has(optional), optional)
      }
    }))

  it.effect("has the source of every source map, and no measurements, pictures or page source", () =>
    Effect.gen(function*() {
      const { files, folder } = yield* Program
      const packed = new Set(files)
      const maps = files.filter((file) => file.endsWith(".map"))
      assert.isNotEmpty(maps)
      for (const map of maps) {
        const { sources } = JSON.parse(readFileSync(join(folder, "node_modules/choir", map), "utf8")) as {
          readonly sources: ReadonlyArray<string>
        }
        for (const source of sources) assert.isTrue(packed.has(join(dirname(map), source)), `${map}: ${source}`)
      }
      assert.deepStrictEqual(files.filter((file) => /^docs\/(bench|.*\.png)|^src\/web/.test(file)), [])
      assert.isTrue(existsSync(join(folder, "node_modules/choir/dist/web/index.html")))
    }))

  it.effect("loads only what an entry needs", () =>
    Effect.gen(function*() {
      const { folder } = yield* Program
      const file = join(folder, "loaded.ts")
      writeFileSync(file, listLoaded)
      const loadedBy = (entry: string) =>
        Effect.map(
          Snippets.run(process.execPath, [file, entry], {}, folder),
          (printed) =>
            (JSON.parse(printed) as ReadonlyArray<string>).filter((name) => !name.startsWith("node:") && name !== "ws")
        )
      assert.deepStrictEqual(yield* loadedBy("choir/domain"), ["effect"])
      assert.deepStrictEqual(yield* loadedBy("choir/client"), ["@noble/hashes", "effect"])
      assert.deepStrictEqual(yield* loadedBy("choir/react"), ["@noble/hashes", "effect", "react"])
      assert.deepStrictEqual(
        yield* loadedBy("choir"),
        ["@effect/platform-node", "@effect/platform-node-shared", "effect"]
      )
    }))

  it.effect("[OPS14] runs the README's code, which compiles with the types of all libraries checked", () =>
    Effect.gen(function*() {
      const { folder } = yield* Program
      const { url } = yield* startServer({ data: yield* temporaryFolder })
      const files = Snippets.writeSnippetsInto(folder, readmeSnippets)
      yield* Snippets.typeCheck(files, { cwd: folder, skipLibCheck: false })
      const printed = yield* Effect.forEach(
        files,
        (file) => Snippets.run(process.execPath, [file], { CHOIR_URL: url }, folder)
      )
      assert.include(printed[0], "Steep green tea at 80 degrees.")
      assert.include(printed[2], "{ count: 6 }")
    }).pipe(Effect.scoped))

  it.effect("names the command that installs an optional package", () =>
    Effect.gen(function*() {
      const { folder } = yield* Program
      const file = join(folder, "missing.ts")
      writeFileSync(
        file,
        `import { Layers } from "choir"
        import { Effect, Layer, Redacted } from "effect"
        const options = { ...Layers.Config.parse({}), url: "http://127.0.0.1:1", model: "m", timeout: 1 }
        const limits = {} as never
        for (const layer of [
          Layers.Models.layer({ llm: options }),
          Layers.Postgres.layer({ url: Redacted.make("postgres://127.0.0.1:1/x") }),
          Layers.VectorIndexQdrant.layer(options),
          Layers.SocketIo.layer({ limits } as never).pipe(Layer.provide(Layers.HttpListener.layer))
        ]) console.log((await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer as never))))).message)`
      )
      assert.deepStrictEqual((yield* Snippets.run(process.execPath, [file], {}, folder)).trim().split("\n"), [
        "Layers.Models with an endpoint needs a package that is not installed: npm install @ai-sdk/openai-compatible@3 @ai-sdk/provider@4",
        "Layers.Postgres needs a package that is not installed: npm install @effect/sql-pg@4",
        "Layers.VectorIndexQdrant needs a package that is not installed: npm install @qdrant/js-client-rest@1",
        "Layers.SocketIo needs a package that is not installed: npm install socket.io@4"
      ])
    }))

  Prerequisite.describeWith(Prerequisite.browser(executablePath), "a kind of one's own", () => {
    it.effect("[TOP8] is bundled for a browser and runs there, against a server with the same kind", () =>
      Effect.gen(function*() {
        const { folder } = yield* Program
        Snippets.writeSnippetsInto(folder, readmeSnippets)
        assert.deepStrictEqual(yield* bundlePage(folder), [])
        writeFileSync(join(folder, "server.ts"), server)
        const { url } = yield* startServer({ data: yield* temporaryFolder, main: join(folder, "server.ts") })
        const browser = yield* launchBrowser
        const tab = yield* fromPromise(() => browser.newPage())
        tab.setDefaultTimeout(browserTimeout)
        const faults: Array<string> = []
        tab.on("pageerror", ({ message }) => faults.push(message))
        yield* fromPromise(() => tab.goto(url))
        yield* fromPromise(() => tab.getByText("0 confirmed").waitFor())
        yield* fromPromise(() => tab.getByRole("button").click())
        yield* fromPromise(() => tab.getByText("2 confirmed").waitFor())
        assert.deepStrictEqual(faults, [])
      }).pipe(Effect.scoped))
  })
})
