/** Removes from `dist` the output of modules that no longer exist, which the compiler leaves there, so that none is packed. */
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

const output = /\.(?:d\.ts|js)(?:\.map)?$/
const files = existsSync("dist") ? readdirSync("dist", { recursive: true, encoding: "utf8" }) : []

for (const file of files) {
  if (/^(?:web|examples|readme)\b/.test(file) || !output.test(file)) continue
  if (!existsSync(join("src", file.replace(output, ".ts")))) rmSync(join("dist", file))
}
