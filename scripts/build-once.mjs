/**
 * Builds a package that was installed from its repository, which contains no build. Runs after every install in a clone,
 * also the temporary clone that npm makes of a dependency given as a git URL, on npm's own Node.
 */
import { execSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"

const isBuilt = existsSync(join("dist", "index.js"))
const canBuild = existsSync("src") && ["typescript", "vite"].every((tool) => existsSync(join("node_modules", tool)))

if (!isBuilt && canBuild) execSync("npm run --silent build", { stdio: "inherit" })
