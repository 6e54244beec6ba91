/**
 * The texts below a folder, for `choir import`. Nothing outside the folder is read, whatever links lead there, each file is
 * read once, and no secret key leaves the machine. What is left out is listed with its reason.
 */
import { Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import { CliError } from "./CliError.ts"
import { count } from "./TerminalText.ts"

/** A file's text, and its path in the folder with `/` between its parts. */
export interface TextFile {
  readonly source: string
  readonly text: string
}

/** What was read, and a sentence for each file, or kind of file, that was not. */
export interface FolderTexts {
  readonly files: ReadonlyArray<TextFile>
  readonly omissions: ReadonlyArray<string>
}

/** A path in the folder, and the file that it leads to. */
interface Entry {
  readonly source: string
  readonly real: string
}

/** The longest path of a message's source, in UTF-16 units. */
const maxSourceLength = 1024

const isText = (path: string): boolean => /\.(?:md|markdown|txt)$/i.test(path)
const isHidden = (name: string): boolean => name.startsWith(".") || name === "node_modules"

/** A secret of `Keys.generateSecret`, anywhere in a text. */
const secretKey = /choir_sk_[\w-]{43}/

const decodeUtf8 = (bytes: Uint8Array) => Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))

/** The entries of one folder, by what is done with them. */
interface Listing {
  readonly folders: Array<Entry>
  readonly files: Array<Entry>
  readonly links: Array<Entry>
  readonly unreadable: Array<string>
  hidden: number
}

const list = Effect.fnUntraced(function*(folder: Entry, listing: Listing) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.option(fileSystem.readDirectory(folder.real))
  if (Option.isNone(names)) return void listing.unreadable.push(folder.source)
  for (const name of names.value) {
    if (isHidden(name)) {
      listing.hidden += 1
      continue
    }
    const source = folder.source === "" ? name : `${folder.source}/${name}`
    const full = path.join(folder.real, name)
    const found = yield* Effect.option(Effect.flatMap(
      fileSystem.realPath(full),
      (real) => Effect.map(fileSystem.stat(real), ({ type }) => ({ source, real, type }))
    ))
    if (Option.isNone(found)) listing.unreadable.push(source)
    // The folder's own path is real: an entry that leads elsewhere is a link.
    else if (found.value.real !== full) listing.links.push(found.value)
    else if (found.value.type === "Directory") listing.folders.push(found.value)
    else if (found.value.type === "File") listing.files.push(found.value)
    else listing.unreadable.push(source)
  }
})

/** All files below a folder; links are not followed, so that the walk ends. */
const walk = Effect.fnUntraced(function*(root: string) {
  const listing: Listing = { folders: [{ source: "", real: root }], files: [], links: [], unreadable: [], hidden: 0 }
  for (let next; (next = listing.folders.pop()) !== undefined;) yield* list(next, listing)
  const bySource = (a: Entry, b: Entry) => a.source < b.source ? -1 : 1
  return { ...listing, files: listing.files.toSorted(bySource), links: listing.links.toSorted(bySource) }
})

/** Why a link is left out; undefined if it leads to a file of the folder that is not read under its own name. */
const linkFault = (path: Path.Path, root: string, { real, source }: Entry, isFile: boolean): string | undefined => {
  const target = path.relative(root, real)
  if (target === ".." || target.startsWith(`..${path.sep}`) || path.isAbsolute(target)) {
    return "it leads out of the folder"
  }
  if (target.split(path.sep).some(isHidden)) return "it leads to something hidden"
  if (!isFile) return `it leads to ${target === "" ? "the folder itself" : target}, which is read already`
  return isText(source) && isText(target) ? `it leads to ${target}, which is read already` : undefined
}

/** A file's text, or why it is left out. */
const readText = Effect.fnUntraced(function*({ real, source }: Entry, keyFile: string | undefined) {
  const fileSystem = yield* FileSystem.FileSystem
  if (source.length > maxSourceLength || !source.isWellFormed()) return { fault: "its path is too long or not Unicode" }
  if (real === keyFile) return { fault: "it is your key" }
  const bytes = yield* Effect.option(fileSystem.readFile(real))
  if (Option.isNone(bytes)) return { fault: "it cannot be read" }
  const text = yield* Effect.option(decodeUtf8(bytes.value))
  if (Option.isNone(text)) return { fault: "it is not UTF-8 text" }
  return secretKey.test(text.value) ? { fault: "it contains a secret key" } : { text: text.value }
})

/** `7 .ts, 2 .pdf`, the most frequent first. */
const countKinds = (path: Path.Path, files: ReadonlyArray<Entry>): string => {
  const counts = new Map<string, number>()
  for (const { source } of files) {
    const kind = path.extname(source).toLowerCase() || "without an ending"
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([kind, number]) => `${number} ${kind}`).join(", ")
}

const unreadable = (argument: string) => ({ reason }: PlatformError.PlatformError) =>
  new CliError({
    message: reason._tag === "NotFound" ? `${argument} does not exist.` : `${argument} cannot be read.`
  })

/**
 * The texts of a folder, or of one file, whatever its ending. `keyFile` is never read. Files with other endings, hidden
 * ones and `node_modules` are left out.
 */
export const readTexts = Effect.fnUntraced(function*(argument: string, keyFile: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* Effect.mapError(fileSystem.realPath(argument), unreadable(argument))
  const key = Option.getOrUndefined(yield* Effect.option(fileSystem.realPath(keyFile)))
  const { type } = yield* Effect.mapError(fileSystem.stat(root), unreadable(argument))
  const omissions: Array<string> = []
  const entries: Array<Entry> = []
  if (type !== "Directory") entries.push({ source: path.basename(path.resolve(argument)), real: root })
  else {
    const { files, hidden, links, unreadable } = yield* walk(root)
    entries.push(...files.filter(({ source }) => isText(source)))
    for (const source of unreadable) omissions.push(`Skipped ${source}: it cannot be read.`)
    for (const link of links) {
      const isFile = files.some(({ real }) => real === link.real)
      const fault = linkFault(path, root, link, isFile) ??
        (entries.some(({ real }) => real === link.real) ? "another link leads to the same file" : undefined)
      if (fault !== undefined) omissions.push(`Skipped ${link.source}: ${fault}.`)
      else if (isText(link.source)) entries.push(link)
    }
    const others = files.filter(({ source }) => !isText(source))
    if (others.length > 0) {
      omissions.push(
        `Skipped ${count(others.length, "file")} of other kinds (${countKinds(path, others)}): `
          + "only .md, .markdown and .txt are read."
      )
    }
    if (hidden > 0) omissions.push(`Skipped ${hidden} hidden ${hidden === 1 ? "file or folder" : "files and folders"}.`)
  }
  const texts: Array<TextFile> = []
  for (const entry of entries) {
    const read = yield* readText(entry, key)
    if (read.text === undefined) omissions.push(`Skipped ${entry.source}: ${read.fault}.`)
    else texts.push({ source: entry.source, text: read.text })
  }
  return { files: texts, omissions } satisfies FolderTexts
})
