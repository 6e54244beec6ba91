#!/usr/bin/env node
/** Entry point of `choir`: checks the version of Node. Imports nothing statically that an old Node cannot load. */
import process from "node:process"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major < 22 || major === 22 && minor < 19) {
  process.stderr.write(`choir needs Node 22.19 or newer; this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  const { run } = await import("./run.ts")
  run()
}
