/**
 * TLS certificates from files (OPS9), and the TLS policy (SEC39). Files are read
 * before anything starts, and again on SIGHUP, so that renewal needs no restart.
 */
import { Effect, FileSystem, Result } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import type { SecureContextOptions } from "node:tls"
import { SettingsInvalid } from "../config/Config.ts"

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The server's certificate, followed by its intermediates. */
  readonly cert: string
  readonly key: string
}

/** Independent of Node's defaults (SEC39): in TLS 1.2 only forward secrecy (ECDHE) with AEAD ciphers; no CBC. */
const cipherPolicy = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305"
  ].join(":")
} as const

/**
 * Reads certificate and key, and checks that they belong together; each fault names its setting. The result includes the
 * TLS policy, because replacing a server's certificate replaces its whole secure context.
 */
export const readCertificate = Effect.fnUntraced(function*(
  { cert, key }: CertificateFiles
): Effect.fn.Return<
  Required<Pick<SecureContextOptions, "cert" | "key" | "ciphers" | "minVersion">>,
  SettingsInvalid,
  FileSystem.FileSystem
> {
  const files = yield* FileSystem.FileSystem
  const readPem = (setting: string, path: string) =>
    files.readFileString(path).pipe(
      Effect.mapError(({ reason }) => `CHOIR_TLS_${setting}=${JSON.stringify(path)} cannot be read (${reason._tag})`),
      Effect.result
    )
  const certText = yield* readPem("CERT", cert)
  const keyText = yield* readPem("KEY", key)
  const faults = [certText, keyText].flatMap((text) => Result.isFailure(text) ? [text.failure] : [])
  if (Result.isFailure(certText) || Result.isFailure(keyText)) return yield* new SettingsInvalid({ faults })
  const fault = findMismatch(cert, certText.success, key, keyText.success)
  if (fault !== undefined) return yield* new SettingsInvalid({ faults: [fault] })
  return { ...cipherPolicy, cert: certText.success, key: keyText.success }
})

const tryParse = <A>(parse: () => A): A | undefined => {
  try {
    return parse()
  } catch {
    return undefined
  }
}

const findMismatch = (cert: string, certText: string, key: string, keyText: string): string | undefined => {
  const certificate = tryParse(() => new X509Certificate(certText))
  if (certificate === undefined) return `CHOIR_TLS_CERT=${JSON.stringify(cert)} holds no PEM certificate`
  const privateKey = tryParse(() => createPrivateKey(keyText))
  if (privateKey === undefined) {
    return `CHOIR_TLS_KEY=${JSON.stringify(key)} holds no PEM private key that can be used without a password`
  }
  return certificate.checkPrivateKey(privateKey)
    ? undefined
    : `CHOIR_TLS_KEY=${JSON.stringify(key)} is not the key of the certificate in CHOIR_TLS_CERT`
}
