/** What every answer over HTTP says about itself (SEC31, SEC39). */
import type { ServerResponse } from "node:http"

/** The page is one origin's: its own scripts and styles, its own socket, and nothing from anywhere else. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const securityHeaders = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
}

/** For a year, browsers come here by TLS only (OPS9). */
const strictTransportSecurity = "max-age=31536000"

/** Sets them before any route is asked, so that refusals and faults carry them too. `strict`: TLS, from now on. */
export const setSecurityHeaders = (response: ServerResponse, overTls: boolean): void => {
  if (overTls) response.setHeader("strict-transport-security", strictTransportSecurity)
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
}
