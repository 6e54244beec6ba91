/**
 * `fetch` for OpenAI-compatible endpoints that drops a `usage` whose values are no numbers: the provider package would
 * refuse the whole answer, and counting must never cost an answer (SEC32). Does not judge numbers: `TokenCount` does.
 */

/** The field with its value: an object with objects at most one level down, or a value without commas and brackets. */
const usageField = /"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\}|\[[^[\]]*\]|"[^"]*"|[^\s,{}[\]"]+)/g

/** As `fetch`; in JSON and event streams a usage that cannot be counted is null. */
export const dropInvalidUsage = (fetch: typeof globalThis.fetch): typeof globalThis.fetch => (input, init) =>
  fetch(input, init).then((response) => {
    if (response.body === null) return response
    let text = ""
    const lines = new TransformStream<string, string>({
      transform: (chunk, controller) => {
        // An event is one line.
        const lineEnd = Math.max(chunk.lastIndexOf("\n"), chunk.lastIndexOf("\r")) + 1
        if (lineEnd > 0) controller.enqueue(withoutInvalidUsage(text + chunk.slice(0, lineEnd)))
        text = lineEnd > 0 ? chunk.slice(lineEnd) : text + chunk
      },
      flush: (controller) => controller.enqueue(withoutInvalidUsage(text))
    })
    const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(lines)
      .pipeThrough(new TextEncoderStream())
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers })
  })

/** Inside a JSON string the field's quotes are escaped, so that only a field matches. */
const withoutInvalidUsage = (text: string): string =>
  text.replaceAll(usageField, (field, value: string) => isCountable(value) ? field : `"usage":null`)

const isCountable = (json: string): boolean => {
  try {
    return isUsage(JSON.parse(json))
  } catch {
    return false
  }
}

/** Whether the provider package accepts it: each count is a number, and embeddings need the first one. */
const isUsage = (usage: unknown): boolean =>
  isRecord(usage) && typeof usage["prompt_tokens"] === "number" && hasOnlyCounts(usage)

const hasOnlyCounts = (fields: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(fields).every(([name, value]) =>
    value === null ||
    (name.endsWith("_tokens")
      ? Number.isFinite(value)
      : !name.endsWith("_details") || isRecord(value) && hasOnlyCounts(value))
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
