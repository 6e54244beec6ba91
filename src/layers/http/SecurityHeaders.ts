/** Security headers of every HTTP response (SEC31, SEC39). */
import type { ServerResponse } from "node:http"

/** Scripts, styles and connections of the page's own origin only. */
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

/** One year. */
const strictTransportSecurity = "max-age=31536000"

/** Sets the headers before any route runs, so that refusals and failures carry them too. */
export const setSecurityHeaders = (response: ServerResponse, sendsStrictTransportSecurity: boolean): void => {
  if (sendsStrictTransportSecurity) response.setHeader("strict-transport-security", strictTransportSecurity)
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
}
