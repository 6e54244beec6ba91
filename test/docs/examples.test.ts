/**
 * Every example in a doc comment of the public modules, and in docs/library.md, is a complete program: it compiles, runs
 * and exits with 0.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Snippets from "../support/Snippets.ts"

const examples = [
  ...Snippets.docExamples(["src/services", "src/layers", "src/domain/topic/Topic.ts", "src/client"]),
  ...Snippets.markdownExamples("docs/library.md")
].map((snippet) => Snippets.importSource(snippet))

const files = Snippets.writeSnippets("examples", examples)

/** Components, which `test/react` mounts, and the README's kind that they are for. */
const components = Snippets.writeSnippets(
  "examples/react",
  [
    ...Snippets.markdownExamples("docs/library.md", "tsx"),
    ...Snippets.markdownExamples("README.md").filter(({ text }) => text.startsWith("// tally.ts"))
  ].map((snippet) => Snippets.importSource(snippet, "../../.."))
)

/** The URL of a server that examples may connect to. */
class ExampleServer extends Context.Service<ExampleServer, { readonly url: string }>()(
  "choir/test/docs/examples.test/ExampleServer"
) {
  static readonly layer = Layer.effect(
    ExampleServer,
    Effect.flatMap(temporaryFolder, (data) => startServer({ data, main: "src/main.ts" }))
  )
}

describe("examples in doc comments", () => {
  it("exist for the modules that a library user implements or calls", () => {
    for (const module of ["src/services/Socket.ts", "src/domain/topic/Topic.ts", "src/client/Client.ts"]) {
      assert.isTrue(examples.some(({ origin }) => origin.startsWith(module)), module)
    }
  })

  it.live("[OPS14] compile", () => Snippets.typeCheck([...files, ...components]))

  layer(ExampleServer.layer, { excludeTestServices: true })((it) => {
    it.effect("[OPS14] run and exit with 0", () =>
      Effect.gen(function*() {
        const { url } = yield* ExampleServer
        yield* Snippets.runTogether(files, { CHOIR_URL: url })
      }))
  })
})
