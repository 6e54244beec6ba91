#!/usr/bin/env node
/**
 * The server's entry point. It checks the Node version before it imports anything
 * that an old version could not load: Node 20 accepts forged signatures of small-order keys
 * (SEC4) and has no SQLite.
 */
import process from "node:process"
import { launch } from "./launch.ts"

const usage = `Usage: node dist/main.js

Serves until SIGTERM or Ctrl+C. Takes no arguments: settings are environment variables, such as CHOIR_PORT (4100),
CHOIR_HOST (127.0.0.1) and CHOIR_DATA (./data). The README lists them all.
`

const [argument] = process.argv.slice(2)
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major < 22 || major === 22 && minor < 19) {
  process.stderr.write(`Choir needs Node 22.19 or newer; this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else if (argument === "--help" || argument === "-h") {
  process.stdout.write(usage)
} else if (argument !== undefined) {
  process.stderr.write(`the server takes no arguments, but got ${argument}: see --help\n`)
  process.exitCode = 1
} else {
  await launch()
}
