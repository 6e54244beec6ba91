/** Starts the server with the right flags of V8. Loads nothing statically that an old Node cannot. */
import process, { env } from "node:process"

/**
 * The size of V8's young generation, in MB per semi-space. A smaller one is collected in the middle of busy turns,
 * while queued frames are still referenced; an unbounded one grows, and so do single pauses (docs/performance.md).
 */
const semiSpaceFlag = "--max-semi-space-size"

const isSemiSpaceSet = (): boolean =>
  [...process.execArgv, env["NODE_OPTIONS"] ?? ""].some((text) => text.replaceAll("_", "-").includes(semiSpaceFlag))

/** Runs the server in this process until a signal. Needs Node 22.19. */
export const launch = (): Promise<void> => {
  if (!isSemiSpaceSet() && typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(process.execPath, [
      process.execPath,
      `${semiSpaceFlag}=8`,
      ...process.execArgv,
      ...process.argv.slice(1)
    ])
  }
  return import("./start.ts").then(({ start }) => start())
}
