/** Sets the security headers of HTTP responses; which they are is decided in `domain/admission/ResponseHeaders.ts`. */
import type { ServerResponse } from "node:http"
import { securityHeaders } from "../../domain/admission/ResponseHeaders.ts"

/** Sets the headers before any route runs, so that refusals and failures carry them too. */
export const setSecurityHeaders = (response: ServerResponse, hasStrictTransportSecurity: boolean): void => {
  for (const [name, value] of securityHeaders(hasStrictTransportSecurity)) response.setHeader(name, value)
}
