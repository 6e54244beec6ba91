/** The place of credentials in HTTP requests, and the parts of requests that traces record (SEC5, SEC33). */

/**
 * SEC5: the credential of an HTTP request: the bearer token of its `Authorization` header. Path and query are no
 * arguments, because URLs end up in logs, histories and Referer headers.
 */
export const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer ([\w-]{1,512})$/i.exec(authorization ?? "")?.[1]

/** SEC5: the path of a request target. Routing and logs use it; what a client put into the query is dropped. */
export const pathOf = (target: string | undefined): string => target?.split("?", 1)[0] ?? ""

/** Request and response headers that are recorded in traces: an allow-list, and empty. */
const tracedHeaders: ReadonlySet<string> = new Set()

/** SEC33: whether a trace records this header, by its lower-case name. */
export const isHeaderTraced = (name: string): boolean => tracedHeaders.has(name)

/** SEC5, SEC33: query parameters whose values traces redact, as patterns of names: all of them. */
export const redactedParameters: ReadonlyArray<RegExp> = [/^/]
