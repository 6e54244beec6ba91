#!/usr/bin/env node
/**
 * The server's first lines. They run on any Node, so they import nothing that
 * an old one could not load: Node 20 accepts forged signatures and has no SQLite.
 */
import process, { env } from "node:process"

const usage = `Usage: node dist/main.js

Serves until SIGTERM or Ctrl+C. Takes no arguments: settings are variables of the environment, such as CHOIR_PORT (4100),
CHOIR_HOST (127.0.0.1) and CHOIR_DATA (./data). The README lists them all.
`

const [argument] = process.argv.slice(2)
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

/**
 * MB of the young generation's half. A smaller one is collected in the middle of busy turns, when all that waits to be
 * sent still lives; without a bound it grows, and single pauses with it (docs/performance.md).
 */
const semiSpaceFlag = "--max-semi-space-size"
const isSemiSpaceSet = [...process.execArgv, env["NODE_OPTIONS"] ?? ""].some((text) =>
  text.replaceAll("_", "-").includes(semiSpaceFlag)
)

if (major < 22 || major === 22 && minor < 19) {
  process.stderr.write(`Choir needs Node 22.19 or newer; this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else if (argument === "--help" || argument === "-h") {
  process.stdout.write(usage)
} else if (argument !== undefined) {
  process.stderr.write(`Choir's server takes no arguments, and does not understand ${argument}: try --help.\n`)
  process.exitCode = 1
} else if (!isSemiSpaceSet && typeof process.execve === "function" && process.platform !== "win32") {
  process.execve(process.execPath, [
    process.execPath,
    `${semiSpaceFlag}=8`,
    ...process.execArgv,
    ...process.argv.slice(1)
  ])
} else {
  const { start } = await import("./start.ts")
  start()
}
