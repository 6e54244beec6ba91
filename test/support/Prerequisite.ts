/**
 * Tests that need something a checkout does not bring: a tool, a server or a right. Where it is missing they are skipped,
 * with the reason and the remedy in the title. With `CHOIR_TEST_PROOFS=required`, as in continuous integration, a missing
 * tool fails instead; only what CI cannot have may still be skipped (`docs/SPEC.md`, "Not proven here").
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { env } from "node:process"

/** Something that tests need, and whether this machine has it. */
export interface Prerequisite {
  /** Why it is not available here; undefined when it is. */
  readonly missing: string | undefined
  /** How to make it available. */
  readonly remedy: string
  /** Whether CI, which can install it, must have it. */
  readonly requiredInCi: boolean
}

const prerequisite = (missing: string | undefined, remedy: string, requiredInCi = true): Prerequisite => ({
  missing,
  remedy,
  requiredInCi
})

/** The right to trace system calls; `missing` is what `Strace.tracingUnavailable` found. */
export const tracing = (missing: string | undefined): Prerequisite =>
  prerequisite(missing, "install strace, and allow ptrace where a container forbids it")

/** The program that makes certificates. */
export const openSsl = (isInstalled: boolean): Prerequisite =>
  prerequisite(isInstalled ? undefined : "openssl is not installed", "install openssl")

/** Python 3, for a client in another language. */
export const python = (isInstalled: boolean): Prerequisite =>
  prerequisite(isInstalled ? undefined : "python3 is not installed", "install Python 3")

/** A browser at `path`. */
export const browser = (path: string): Prerequisite =>
  prerequisite(
    existsSync(path) ? undefined : `there is no browser at ${path}`,
    "install Chromium, and name it in CHOIR_CHROMIUM if it is elsewhere"
  )

/** The right to mount a small file system, which many containers refuse. */
export const mounting = (canMount: boolean): Prerequisite =>
  prerequisite(
    canMount ? undefined : "no file system may be mounted here",
    "run the tests as root, or in a container with CAP_SYS_ADMIN",
    false
  )

/** uWebSockets.js, which no registry carries; `error` is why it could not be loaded. */
export const uws = (error: string | undefined): Prerequisite =>
  prerequisite(error, "npm install uNetworking/uWebSockets.js#v20.57.0", false)

/** That uWebSockets.js is not installed, for the test of what the server answers then. */
export const uwsMissing = (isInstalled: boolean): Prerequisite =>
  prerequisite(isInstalled ? "uWebSockets.js is installed" : undefined, "npm uninstall uWebSockets.js", false)

/** A Postgres server that a test can start; `programs` is the folder of its programs. */
export const postgres = (programs: string | undefined): Prerequisite =>
  prerequisite(
    programs === undefined ? "Postgres 15 or later is not installed" : undefined,
    "install Debian's postgresql"
  )

/** A Qdrant server. */
export const qdrantServer = (url: string | undefined): Prerequisite =>
  prerequisite(
    url === undefined ? "no Qdrant server is named" : undefined,
    "start Qdrant and set QDRANT_URL=http://127.0.0.1:6333",
    false
  )

/** An installed Node that is too old for Choir. */
export const oldNode = (version: string | undefined): Prerequisite =>
  prerequisite(
    version === undefined ? "there is no old Node at /usr/bin/node" : undefined,
    "install Node 20 there",
    false
  )

/** A terminal of its own for a process; `missing` is what `CliProcess.terminalUnavailable` found. */
export const terminal = (missing: string | undefined): Prerequisite => prerequisite(missing, "install util-linux")

/** Linux, for tests that read `/proc`. */
export const linux = (platform: string): Prerequisite =>
  prerequisite(platform === "linux" ? undefined : `${platform} has no /proc`, "run the tests on Linux")

const proofsRequired = env["CHOIR_TEST_PROOFS"] === "required"

/** What to do with tests that need `prerequisite`: run them, skip them, or fail in their place. */
export const outcomeOf = (
  { missing, requiredInCi }: Prerequisite,
  required: boolean = proofsRequired
): "run" | "skip" | "fail" => missing === undefined ? "run" : required && requiredInCi ? "fail" : "skip"

/** Why tests do not run, as the end of a title. */
export const skipReason = ({ missing, remedy }: Prerequisite): string => `skipped: ${missing}; to run it, ${remedy}`

/** Registers a suite that needs `prerequisite`. */
export const describeWith = (prerequisite: Prerequisite, name: string, suite: () => void): void => {
  switch (outcomeOf(prerequisite)) {
    case "run":
      return void describe(name, suite)
    case "skip":
      return void describe.skip(`${name} (${skipReason(prerequisite)})`, suite)
    case "fail":
      return void describe(name, () => {
        it("has its prerequisite", () => assert.fail(`${prerequisite.missing}: ${prerequisite.remedy}`))
      })
  }
}
