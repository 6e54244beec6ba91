/**
 * Links the lockfile's Node into node_modules/.bin, so that npm scripts run on it. npm does this itself, but some
 * versions drop the link when they omit the packages for other platforms. Runs after every install, on npm's own Node.
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
