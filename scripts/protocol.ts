/**
 * Writes docs/asyncapi.json and docs/schemas from the schemas in `src`. A test fails if the files are out of date.
 *
 * Usage: `npm run protocol`
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem } from "effect"
import manifest from "../package.json" with { type: "json" }
import { generateSchemas } from "./GenerateSchemas.ts"

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const files = generateSchemas(manifest.version)
  yield* fs.remove("docs/schemas", { recursive: true, force: true })
  yield* fs.makeDirectory("docs/schemas")
  for (const [path, text] of files) yield* fs.writeFileString(`docs/${path}`, text)
  yield* Console.log(`${files.size} files written below docs`)
})

NodeRuntime.runMain(Effect.provide(main, NodeServices.layer))
