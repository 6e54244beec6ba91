/**
 * TLS certificates from files (OPS9), and the TLS policy (SEC39). Files are read
 * before anything starts, and again on SIGHUP, so that renewal needs no restart.
 */
import { Effect, FileSystem, Result } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import type { SecureContextOptions } from "node:tls"
import { tlsPolicy } from "../../domain/admission/TransportSecurity.ts"
import { SettingsInvalid } from "../config/Config.ts"

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The server's certificate, followed by its intermediates. */
  readonly cert: string
  readonly key: string
}

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
  return { ...tlsPolicy, cert: certText.success, key: keyText.success }
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
