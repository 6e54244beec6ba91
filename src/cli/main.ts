#!/usr/bin/env node
/** Entry point of `choir`: checks the version of Node. Imports nothing statically that an old Node cannot load. */
import process from "node:process"
import { launch } from "../launch.ts"
import { version } from "./Version.ts"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
const [command, ...rest] = process.argv.slice(2)

if (major < 22 || major === 22 && minor < 19) {
  process.stderr.write(`choir needs Node 22.19 or newer; this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else if ((command === "--version" || command === "-v") && rest.length === 0) {
  // At once: loading the other commands takes most of a second.
  process.stdout.write(`choir v${version}\n`)
} else if (command === "serve" && rest.length === 0) {
  // Apart from the other commands: the server has signals, exit codes and lost readers of its own.
  await launch()
} else {
  const { run } = await import("./run.ts")
  run()
}
