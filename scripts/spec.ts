/**
 * Holds docs/SPEC.md, the tests and the names against each other. Fails for
 *
 * - a rule marked done (✓) that no test title names, and a title that names no rule;
 * - fewer than `domainRulesMin` rules that `src/domain` cites and a test of `test/domain` names;
 * - a file or an exported name one of whose words is neither in the glossary nor a plain word;
 * - two files of `src` with one name, and two exports of one folder with one name, but for those that every module has.
 *
 * Usage: `npm run spec`
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem } from "effect"
import * as Vocabulary from "./Vocabulary.ts"

/** Rules decided by pure functions: cited in `src/domain`, and named by a test in `test/domain`. */
const domainRulesMin = 115

/** A rule of docs/SPEC.md and whether it is marked done. */
interface Rule {
  readonly id: string
  readonly done: boolean
}

/** The text of a file, by its path from the repository's root. */
type Sources = ReadonlyMap<string, string>

const parseRules = (spec: string): ReadonlyArray<Rule> =>
  [...spec.matchAll(/^- ([✓·]) ([A-Z]{3}\d+) /gm)].map(([, mark, id]) => ({ id: id!, done: mark === "✓" }))

/** Ids at the start of titles: `"[THR3] ...`, `"[SYN2, SYN3] ...`, `"[THR2][THR4] ...`. */
const idsInTitles = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/["'`]((?:\[[A-Z]{3}\d+(?:[ ,]+[A-Z]{3}\d+)*\] ?)+)/g)]
    .flatMap(([, ids]) => ids!.match(/[A-Z]{3}\d+/g) ?? [])

/** Ids in a text; `SEC16-SEC19` and `SEC16-19` stand for all four. */
const idsInText = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/\b([A-Z]{3})(\d+)(?:-(?:[A-Z]{3})?(\d+))?\b/g)].flatMap(([, subject, first, last]) =>
    Array.from(
      { length: Math.max(1, Number(last ?? first) - Number(first) + 1) },
      (_, n) => `${subject}${Number(first) + n}`
    )
  )

/** The faults of rules and titles, one sentence each, after a summary on the console. */
const checkRules = Effect.fnUntraced(function*(rules: ReadonlyArray<Rule>, sources: Sources) {
  const known = new Set(rules.map(({ id }) => id))
  const idsBelow = (folder: string, read: (source: string) => ReadonlyArray<string>) =>
    new Set([...sources].flatMap(([file, source]) => file.startsWith(folder) ? read(source) : []))
  const named = idsBelow("test/", idsInTitles)
  const cited = idsBelow("src/domain/", idsInText)
  const domainRules = [...idsBelow("test/domain/", idsInTitles)].filter((id) => cited.has(id) && known.has(id))
  const unnamed = rules.filter(({ id }) => !named.has(id))

  yield* Console.log(
    `${rules.length} rules: ${rules.filter(({ done }) => done).length} done, ${
      rules.length - unnamed.length
    } named by tests, ` +
      `${domainRules.length} decided and tested in domain`
  )
  yield* Console.log(`no test names: ${unnamed.map(({ id }) => id).join(" ") || "none"}`)
  return [
    ...unnamed.filter(({ done }) => done).map(({ id }) => `${id} is marked done, but no test names it`),
    ...[...named].filter((id) => !known.has(id)).map((id) => `a test title names ${id}, which is no rule`),
    ...domainRules.length < domainRulesMin
      ? [`src/domain cites and test/domain names ${domainRules.length} rules, fewer than ${domainRulesMin}`]
      : []
  ]
})

/** Exported by many modules, each time as the same thing of its module. */
const moduleConventions = new Set(["make", "layer", "initial"])

const checkNames = (allowed: ReadonlySet<string>, sources: Sources): ReadonlyArray<string> => {
  const files = [...sources.keys()]
  const parts = new Map(
    files.flatMap((file) => file.replace(/(\.test)?\.\w+$/, "").split("/").map((part) => [part, file] as const))
  )
  const namesBy = (read: (source: string) => ReadonlyArray<string>) =>
    [...sources].flatMap(([file, source]) => [...new Set(read(source))].map((name) => ({ name, file })))
  const declared = namesBy(Vocabulary.declaredNames)
  const unknown = [...[...parts].map(([name, file]) => ({ name, file })), ...namesBy(Vocabulary.exportedNames)].flatMap(
    ({ file, name }) =>
      Vocabulary.unknownWords(allowed, name).map((word) => `"${word}" of ${name} (${file}) is not in the vocabulary`)
  )
  const src = files.filter((file) => file.startsWith("src/"))
  const basename = (file: string) => file.slice(file.lastIndexOf("/") + 1).replace(/\.\w+$/, "")
  const folder = (file: string) => file.slice(0, file.lastIndexOf("/"))
  return [
    ...unknown,
    ...Vocabulary.duplicatesBy(src.filter((file) => !["index", "main"].includes(basename(file))), basename)
      .map((group) => `one name for several files: ${group.join(", ")}`),
    ...Vocabulary.duplicatesBy(
      declared.filter(({ file, name }) => file.startsWith("src/") && !moduleConventions.has(name)),
      ({ file, name }) => `${folder(file)} ${name}`
    ).map((group) => `one folder exports ${group[0]!.name} twice: ${group.map(({ file }) => file).join(", ")}`)
  ]
}

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const sources = new Map<string, string>()
  for (const folder of ["src", "test", "scripts"]) {
    for (const file of yield* fs.readDirectory(folder, { recursive: true })) {
      if (!/\.(ts|tsx|mjs)$/.test(file)) continue
      sources.set(`${folder}/${file}`, yield* fs.readFileString(`${folder}/${file}`))
    }
  }
  const rules = parseRules(yield* fs.readFileString("docs/SPEC.md"))
  const glossary = yield* fs.readFileString("docs/GLOSSARY.md")
  const allowed = Vocabulary.allowedWords(glossary, yield* fs.readFileString("docs/plain-words.txt"))
  const faults = [
    ...yield* checkRules(rules, sources),
    ...checkNames(allowed, sources),
    ...Vocabulary.glossaryTerms(glossary).length > 80 ? ["docs/GLOSSARY.md has more than 80 terms"] : []
  ]
  for (const fault of faults) yield* Console.error(fault)
  return faults.length
})

NodeRuntime.runMain(
  main.pipe(
    Effect.provide(NodeServices.layer),
    Effect.flatMap((faults) =>
      faults === 0 ? Effect.void : Effect.fail("docs/SPEC.md, the tests and the names disagree")
    )
  ),
  { disableErrorReporting: true }
)
