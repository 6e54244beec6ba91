/** Code blocks of documents and doc comments as programs: extracted, type-checked together and run. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { environmentWithoutChoir, repositoryRoot } from "./ServerProcess.ts"

/** A code block, and where it is from. */
export interface Snippet {
  /** Path in the repository, and the number of the block in that file, from 1. */
  readonly origin: string
  readonly text: string
}

/** The fenced blocks of one language in Markdown. */
export const codeBlocks = (markdown: string, language: string): ReadonlyArray<string> =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text]) => text!)

/** The Markdown of every doc comment in a source file. */
const docComments = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/^[ \t]*\/\*\*([\s\S]*?)\*\//gm)].map(([, text]) => text!.replaceAll(/^[ \t]*\* ?/gm, ""))

/** The `ts` blocks in the doc comments of files, and of all files in folders. */
export const docExamples = (paths: ReadonlyArray<string>): ReadonlyArray<Snippet> =>
  paths.flatMap((path) => filesIn(path)).flatMap((file) =>
    docComments(readFileSync(join(repositoryRoot, file), "utf8"))
      .flatMap((comment) => codeBlocks(comment, "ts"))
      .map((text, index) => ({ origin: `${file} ${index + 1}`, text }))
  )

/** The `ts` blocks of a document, or those of another language. */
export const markdownExamples = (path: string, language = "ts"): ReadonlyArray<Snippet> =>
  codeBlocks(readFileSync(join(repositoryRoot, path), "utf8"), language)
    .map((text, index) => ({ origin: `${path} ${index + 1}`, text }))

const filesIn = (path: string): ReadonlyArray<string> =>
  path.endsWith(".ts")
    ? [path]
    : readdirSync(join(repositoryRoot, path), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .sort()
      .map((file) => `${path}/${file.replaceAll("\\", "/")}`)

/** Writes snippets into a folder under `dist`, from which the package's own name and its dependencies resolve. */
export const writeSnippets = (folder: string, snippets: ReadonlyArray<Snippet>): ReadonlyArray<string> =>
  writeSnippetsInto(join(repositoryRoot, "dist", folder), snippets)

/** Writes snippets into a folder. One whose first line is a comment with a file name can be imported under that name. */
export const writeSnippetsInto = (path: string, snippets: ReadonlyArray<Snippet>): ReadonlyArray<string> => {
  mkdirSync(path, { recursive: true })
  return snippets.map(({ origin, text }) => {
    const name = /^\/\/ (\w+\.tsx?)\n/.exec(text)?.[1] ?? `${origin.replaceAll(/\W+/g, "-")}.ts`
    const file = join(path, name)
    writeFileSync(file, text)
    return file
  })
}

/** The package's entry points as source files, so that snippets run without a build. */
const sourceEntries: ReadonlyArray<readonly [name: string, source: string]> = [
  ["choir", "src/index.ts"],
  ["choir/client", "src/client/index.ts"],
  ["choir/react", "src/react/index.ts"],
  ["choir/domain", "src/domain/index.ts"],
  ["choir/conformance", "src/conformance/SocketConformance.ts"]
]

/** Makes a snippet import the package's source instead of its build; `root` is the way from its folder to the repository. */
export const importSource = ({ origin, text }: Snippet, root = "../.."): Snippet => ({
  origin,
  text: sourceEntries.reduce(
    (text, [name, source]) => text.replaceAll(`from "${name}"`, `from "${root}/${source}"`),
    text
  )
})

/** Runs a program to its end, in the repository by default; its stdout. Dies when it exits with another code than 0. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  cwd: string = repositoryRoot
): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const child = execFile(
      command,
      args,
      { cwd, env: { ...environmentWithoutChoir(), ...env } },
      (error, stdout, stderr) => resume(error === null ? Effect.succeed(stdout) : Effect.die({ error, stdout, stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Type-checks files together, with the options of a program that uses the package. */
export const typeCheck = (
  files: ReadonlyArray<string>,
  { cwd, skipLibCheck = true }: { readonly cwd?: string; readonly skipLibCheck?: boolean } = {}
): Effect.Effect<string> =>
  run(
    process.execPath,
    [
      join(repositoryRoot, "node_modules/typescript/bin/tsc"),
      ..."--noEmit --ignoreConfig --strict --allowImportingTsExtensions --module nodenext --jsx react-jsx".split(" "),
      ...skipLibCheck ? ["--skipLibCheck"] : [],
      ..."--target es2024 --lib es2024,dom,dom.iterable,esnext.disposable --types node".split(" "),
      ...files
    ],
    {},
    cwd
  )

/** Imports each file, and fails with what the imports of some threw. Ends when none of them holds a resource any more. */
const importAll = `
  import { pathToFileURL } from "node:url"
  const files = process.argv.slice(1)
  const results = await Promise.allSettled(files.map((file) => import(pathToFileURL(file).href)))
  for (const [index, { reason, status }] of results.entries()) {
    if (status === "fulfilled") continue
    console.error(files[index], reason)
    process.exitCode = 1
  }
`

/** Runs files at once in one process of its own, since loading the library takes longer than what most of them do. */
export const runTogether = (
  files: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): Effect.Effect<string> => run(process.execPath, ["--input-type=module", "--eval", importAll, ...files], env)
