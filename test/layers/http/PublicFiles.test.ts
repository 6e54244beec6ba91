import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { PNG } from "pngjs"
import { repositoryRoot } from "../../support/ServerProcess.ts"

const web = join(repositoryRoot, "src", "web")
const publicFile = (path: string) => readFileSync(join(web, "public", path))

/** The part of a web manifest that is checked. */
interface WebManifest {
  readonly name: string
  readonly start_url: string
  readonly theme_color: string
  readonly icons: ReadonlyArray<{ readonly src: string; readonly sizes: string; readonly type: string }>
}

describe("the page's files", () => {
  it("are there under the names that the document and the manifest give them", () => {
    const document = readFileSync(join(web, "index.html"), "utf8")
    const manifest = JSON.parse(publicFile("manifest.webmanifest").toString()) as WebManifest
    const linked = [...document.matchAll(/<link rel="([\w-]*icon|manifest)" href="([^"]+)"/g)].map(([, rel, href]) => {
      assert.isNotEmpty(publicFile(href!), href)
      return rel
    })
    assert.sameMembers(linked, ["icon", "apple-touch-icon", "manifest"])
    for (const { sizes, src, type } of manifest.icons) {
      if (type !== "image/png") continue
      const { height, width } = PNG.sync.read(publicFile(src))
      assert.strictEqual(sizes, `${width}x${height}`)
    }
    assert.deepStrictEqual([manifest.name, manifest.start_url], ["Choir", "/"])
    assert.include(document, `content="${manifest.theme_color}"`)
    assert.include(publicFile("robots.txt").toString(), "User-agent: *")
  })
})
