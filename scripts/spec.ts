/**
 * Holds docs/SPEC.md against the tests: lists the rules no test title names,
 * and fails for a rule marked done (✓) without a test, or for a test that names no rule.
 *
 * Usage: `npm run spec`
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem } from "effect"

interface Rule {
  readonly id: string
  readonly done: boolean
}

const parseRules = (spec: string): ReadonlyArray<Rule> =>
  [...spec.matchAll(/^- ([✓·]) ([A-Z]{3}\d+) /gm)].map(([, status, id]) => ({ id: id!, done: status === "✓" }))

/** Ids at the start of titles: `"[THR3] ...`, `"[SYN2, SYN3] ...`, `"[THR2][THR4] ...`. */
const ruleIdsIn = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/["'`]((?:\[[A-Z]{3}\d+(?:[ ,]+[A-Z]{3}\d+)*\] ?)+)/g)]
    .flatMap(([, ids]) => ids!.match(/[A-Z]{3}\d+/g) ?? [])

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const rules = parseRules(yield* fs.readFileString("docs/SPEC.md"))
  const files = (yield* fs.readDirectory("test", { recursive: true })).filter((file) => file.endsWith(".ts"))
  const tests = new Map<string, Array<string>>()
  for (const file of files) {
    for (const id of ruleIdsIn(yield* fs.readFileString(`test/${file}`))) {
      tests.set(id, [...(tests.get(id) ?? []), file])
    }
  }

  const untested = rules.filter((rule) => !tests.has(rule.id))
  const doneButUntested = untested.filter((rule) => rule.done)
  const unknown = [...tests].filter(([id]) => !rules.some((rule) => rule.id === id))
  const done = rules.filter((rule) => rule.done).length

  yield* Console.log(`${rules.length} rules: ${done} done, ${rules.length - untested.length} named by tests`)
  yield* Console.log(`no test names: ${untested.map((rule) => rule.id).join(" ") || "none"}`)
  for (const rule of doneButUntested) yield* Console.error(`${rule.id} is marked done, but no test names it`)
  for (const [id, filesNaming] of unknown) {
    yield* Console.error(`${id} is named in test/${filesNaming[0]}, but is no rule`)
  }
  return doneButUntested.length + unknown.length
})

NodeRuntime.runMain(
  main.pipe(
    Effect.provide(NodeServices.layer),
    Effect.flatMap((faults) => faults === 0 ? Effect.void : Effect.fail("docs/SPEC.md and the tests disagree"))
  ),
  { disableErrorReporting: true }
)
