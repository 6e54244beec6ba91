/**
 * Puts the lockfile's Node first on the path of npm scripts, where npm itself
 * has not: some versions drop the link when they leave out the packages for
 * other platforms. Runs after every install, on whatever Node npm runs on.
 */
import { chmodSync, existsSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"

const found = join(`node-${process.platform}-${process.arch}`, "bin", "node")
const link = join("node_modules", ".bin", "node")

if (existsSync(join("node_modules", found)) && !existsSync(link)) {
  chmodSync(join("node_modules", found), 0o755)
  mkdirSync(join("node_modules", ".bin"), { recursive: true })
  symlinkSync(join("..", found), link)
}
