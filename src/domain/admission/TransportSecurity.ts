/** When plain HTTP is acceptable, and when responses require browsers to use TLS (SEC39, OPS9). */
import { isLoopback } from "./IpAddress.ts"

/** The settings that the decision depends on. */
export interface BindSettings {
  readonly host: string
  /** Whether plain HTTP on the network was asked for. */
  readonly insecure: boolean
  readonly hasCertificate: boolean
  readonly trustedProxies: ReadonlyArray<string>
}

/**
 * SEC39: whether a server may listen there: plain HTTP beyond loopback needs a proxy in front, or a deliberate setting.
 */
export const mayListen = ({ hasCertificate, host, insecure, trustedProxies }: BindSettings): boolean =>
  isLoopback(host) || insecure || hasCertificate || trustedProxies.length > 0

/**
 * SEC39: whether a response carries `Strict-Transport-Security`. Never for `localhost`, where browsers would insist on
 * TLS for every other server of the machine.
 */
export const sendsStrictTransportSecurity = (isSecure: boolean, host: string | undefined): boolean =>
  isSecure && !/^localhost(?::\d+)?$/.test(host ?? "")

/**
 * SEC39: TLS from 1.2, whatever Node's defaults are; in TLS 1.2 only forward secrecy (ECDHE) with AEAD ciphers, no CBC.
 */
export const tlsPolicy = {
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
