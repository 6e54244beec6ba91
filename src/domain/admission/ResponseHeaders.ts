/** The security headers of every HTTP response (SEC31, SEC39). */

/**
 * SEC31: scripts, styles, images and connections of the page's own origin only. `'self'` includes the WebSocket of the
 * page's host and port (CSP 3, 6.7.2.8).
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const plainHeaders: ReadonlyArray<readonly [name: string, value: string]> = [
  ["content-security-policy", contentSecurityPolicy],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"]
]

/** With HSTS for one year. */
const strictHeaders: typeof plainHeaders = [["strict-transport-security", "max-age=31536000"], ...plainHeaders]

/** SEC39: the headers of a response; whether HSTS is among them is decided by `sendsStrictTransportSecurity`. */
export const securityHeaders = (hasStrictTransportSecurity: boolean): typeof plainHeaders =>
  hasStrictTransportSecurity ? strictHeaders : plainHeaders
