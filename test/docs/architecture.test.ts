import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const root = new URL("../../", import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), "utf8")

/**
 * One numbered line of the walk: `` 3. `src/file.ts` `function` `` and, when its caller uses another name, `` (as `alias`,
 * bound in `src/other.ts` by `binder`) ``.
 */
interface Hop {
  readonly file: string
  readonly name: string
  /** What the caller calls it. */
  readonly alias: string
  /** The file that gives the function the alias. */
  readonly bindingFile: string
  /** The name in the binding file that stands for the function: a registration, or the function itself. */
  readonly binder: string
}

const hops: ReadonlyArray<Hop> = [
  ...read("docs/architecture.md").matchAll(
    /^\d+\. `(src\/[^`]+)` `(\w+)`(?: \(as `(\w+)`(?:, bound in `(src\/[^`]+)`(?: by `(\w+)`)?)?\))?/gm
  )
].map(([, file, name, alias, bindingFile, binder]) => ({
  file: file!,
  name: name!,
  alias: alias ?? name!,
  bindingFile: bindingFile ?? file!,
  binder: binder ?? name!
}))

const declarationOf = (name: string) =>
  new RegExp(
    `^( *)(?:export )?(?:private )?(?:readonly )?(?:(?:const|function\\*?|get) )?${name}(?:\\(.*|<.*| =.*|:.*)$`,
    "gm"
  )

/** The text of the functions of that name: each from its declaration to the next line that is indented no further. */
const bodiesOf = (source: string, name: string): ReadonlyArray<string> =>
  [...source.matchAll(declarationOf(name))].map((found) => {
    const [first, ...rest] = source.slice(found.index).split("\n")
    const end = rest.findIndex((line) => {
      const depth = line.search(/\S/)
      return depth !== -1 && depth <= found[1]!.length && !/^\s*[)\]}|&?:]/.test(line)
    })
    return [first!.slice(first!.indexOf(name) + name.length), ...end === -1 ? rest : rest.slice(0, end)].join("\n")
  })

/** The identifiers in a function, and in the functions of its own file that it uses. */
const identifiersWithin = (file: string, name: string): ReadonlySet<string> => {
  const source = read(file)
  const found = new Set<string>()
  const visit = (identifier: string) => {
    for (const body of bodiesOf(source, identifier)) {
      for (const [used] of body.matchAll(/\b[A-Za-z]\w*\b/g)) {
        if (found.has(used)) continue
        found.add(used)
        visit(used)
      }
    }
  }
  visit(name)
  return found
}

describe("docs/architecture.md", () => {
  it("walks one frame to durable and delivered in at most 35 hops", () => {
    assert.isAtLeast(hops.length, 25)
    assert.isAtMost(hops.length, 35)
  })

  it("names functions that exist", () => {
    for (const { file, name } of hops) assert.isNotEmpty(bodiesOf(read(file), name), `${file} declares ${name}`)
  })

  it("names functions each of which is called by the one before it, or by one that called that", () => {
    const callers: Array<Hop> = []
    for (const [i, hop] of hops.entries()) {
      if (i > 0) {
        const caller = callers.findLastIndex(({ file, name }) => identifiersWithin(file, name).has(hop.alias))
        assert.isAtLeast(caller, 0, `a function above ${hop.name} (${hop.file}) calls ${hop.alias}`)
        callers.length = caller + 1
      }
      callers.push(hop)
    }
  })

  it("names aliases that are bound to their functions", () => {
    for (const { alias, binder, bindingFile, file, name } of hops) {
      assert.match(read(bindingFile), new RegExp(`\\b${alias}\\b`), `${bindingFile} has ${alias}`)
      assert.match(read(bindingFile), new RegExp(`\\b${binder}\\b`), `${bindingFile} has ${binder}`)
      if (binder !== name) assert.match(read(file), new RegExp(`\\b${binder}\\b`), `${file} uses ${binder}`)
    }
  })
})
