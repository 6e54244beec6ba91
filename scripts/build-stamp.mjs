/**
 * Marks a build with a hash of what it is made from, so that `npm start` builds only when that has changed. `begin` takes the
 * hash before a build, which may fail or take in later changes; `end` makes it valid.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"

const inputs = ["src", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "vite.config.ts"]
const stamp = join("dist", "built-from")
const unfinished = join("dist", "building-from")

const filesOf = (path) =>
  path !== "src" ? [path] : readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted()

/** A hash of the names and contents of all inputs in the current folder. */
const hashInputs = () => {
  const hash = createHash("sha256")
  for (const path of inputs.filter((input) => existsSync(input)).flatMap(filesOf)) {
    const content = readFileSync(path)
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest("hex")
}

/** Whether a build has ended that was made from the inputs as they are. */
export const isCurrent = () => existsSync(stamp) && readFileSync(stamp, "utf8") === hashInputs()

if (argv[1] === fileURLToPath(import.meta.url)) {
  if (argv[2] === "begin") {
    mkdirSync("dist", { recursive: true })
    rmSync(stamp, { force: true })
    writeFileSync(unfinished, hashInputs())
  } else renameSync(unfinished, stamp)
}
