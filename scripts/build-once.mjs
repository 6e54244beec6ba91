/**
 * Builds what is not built from the sources as they are. Runs before `npm start`, and with `--if-missing` after every install
 * in a clone, also the temporary clone that npm makes of a dependency given as a git URL, on npm's own Node.
 */
import { execSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { isCurrent } from "./build-stamp.mjs"

const isBuilt = existsSync(join("dist", "index.js")) && (argv.includes("--if-missing") || isCurrent())
const canBuild = existsSync("src") && ["typescript", "vite"].every((tool) => existsSync(join("node_modules", tool)))

if (!isBuilt && canBuild) execSync("npm run --silent build", { stdio: "inherit" })
