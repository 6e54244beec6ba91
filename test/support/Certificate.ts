/** Self-signed certificates for 127.0.0.1 and localhost, made by `openssl`. */
import { Effect, type Scope } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { temporaryFolder } from "./ServerProcess.ts"

/** Whether `openssl` is installed; `Prerequisite.openSsl` decides about the tests that need it. */
export const hasOpenSsl = spawnSync("openssl", ["version"]).status === 0

const keyAlgorithms = { ec: "ec -pkeyopt ec_paramgen_curve:prime256v1", rsa: "rsa:2048" }

/** Paths of a fresh certificate for 127.0.0.1 and localhost, and of its key. */
export const makeCertificate = (
  into?: string,
  kind: keyof typeof keyAlgorithms = "ec"
): Effect.Effect<{ readonly cert: string; readonly key: string }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const directory = into ?? (yield* temporaryFolder)
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") }
    const request = `req -x509 -newkey ${keyAlgorithms[kind]} -nodes -days 2 -subj /CN=choir`
    execFileSync("openssl", [
      ...request.split(" "),
      "-addext",
      "subjectAltName=IP:127.0.0.1,DNS:localhost",
      "-keyout",
      files.key,
      "-out",
      files.cert
    ], { stdio: "ignore" })
    return files
  })
