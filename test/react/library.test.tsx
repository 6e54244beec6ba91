// @vitest-environment node
/** The components of docs/library.md, on a server with the README's kind. */
import "./WindowInNode.ts"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FunctionComponent } from "react"
import { type Identity, fromSecret, generateSecret } from "../../src/client/Keys.ts"
import type { AnyKind } from "../../src/domain/topic/Topic.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"
import * as Snippets from "../support/Snippets.ts"
import { changeLive, mount, waitUntil } from "./Mounted.tsx"

const [page, kind] = Snippets.writeSnippets("examples-react", [
  ...Snippets.markdownExamples("docs/library.md", "tsx"),
  ...Snippets.markdownExamples("README.md").filter(({ text }) => text.startsWith("// tally.ts"))
].map((snippet) => Snippets.importSource(snippet)))

describe("docs/library.md", () => {
  it.live("[OPS14] its components work", () =>
    Effect.gen(function*() {
      const { tally } = (yield* Effect.promise(() => import(kind!))) as { readonly tally: AnyKind }
      const { TallyPage } = (yield* Effect.promise(() => import(page!))) as {
        readonly TallyPage: FunctionComponent<{ readonly identity: Identity; readonly url: string }>
      }
      const url = yield* startInProcessServer({}, { kinds: [tally] })
      const identity = yield* Effect.flatMap(generateSecret, fromSecret)
      const { container } = yield* mount(<TallyPage identity={identity} url={url} />, changeLive)
      yield* waitUntil(() => assert.strictEqual(container.querySelector("output")?.textContent, "0"))
      yield* changeLive(() => container.querySelector("button")!.click())
      yield* waitUntil(() => assert.strictEqual(container.querySelector("output")?.textContent, "1"))
      yield* waitUntil(() => assert.isFalse(container.querySelector("button")!.disabled))
      assert.isNull(container.querySelector("[role=alert]"))
    }))
})
