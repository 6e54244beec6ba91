/**
 * Strict checks of requests and responses against Qdrant's own OpenAPI
 * document: unknown fields and unknown query parameters are faults.
 */
import { addFormats, Ajv2020, type JsonSchema, type ValidateFunction } from "./Ajv.ts"

interface Parameter {
  readonly name: string
  readonly in: string
  readonly schema: JsonSchema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

interface Operation {
  readonly operationId?: string
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses: Readonly<Record<string, Content>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

/** Faults of one exchange, as sentences; none when both sides kept to the document. */
export type Check = (exchange: {
  readonly method: string
  readonly url: string
  readonly request: unknown
  readonly status: number
  readonly response: unknown
}) => ReadonlyArray<string>

const isObject = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null

/** OpenAPI 3.0 as JSON Schema: references, `nullable`, and objects that take no further fields. */
const convert = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(convert)
  if (!isObject(value)) return value
  if (typeof value["$ref"] === "string") {
    return { $ref: value["$ref"].replace("#/components/schemas/", "qdrant#/$defs/") }
  }
  const { discriminator: _, example: __, nullable, ...rest } = value
  const schema: JsonSchema = {}
  for (const [key, part] of Object.entries(rest)) {
    schema[key] = key === "properties" && isObject(part)
      ? Object.fromEntries(Object.entries(part).map(([name, property]) => [name, convert(property)]))
      : key === "enum" || key === "required" || key === "default"
      ? part
      : convert(part)
  }
  if (schema["type"] === "object" && schema["properties"] !== undefined && schema["allOf"] === undefined) {
    schema["additionalProperties"] ??= false
  }
  if (nullable !== true) return schema
  const bare = Object.keys(schema).every((key) => key === "description")
  return bare ? { type: "null" } : { anyOf: [schema, { type: "null" }] }
}

const natural = (below: number) => ({
  type: "number" as const,
  validate: (value: number) => Number.isInteger(value) && value >= 0 && value < below
})

/** Compiles what is needed when it is needed: all of it would take seconds. */
export const load = (document: Document): Check => {
  const ajv = new Ajv2020({ strict: false, logger: false })
  addFormats(ajv)
  for (
    const [name, below] of [["uint", 2 ** 53], ["uint64", 2 ** 64], ["uint32", 2 ** 32], ["uint16", 2 ** 16]] as const
  ) {
    ajv.addFormat(name, natural(below))
  }
  const defs = Object.entries(document.components.schemas).map(([name, schema]) => [name, convert(schema)])
  ajv.addSchema({ $id: "qdrant", $defs: Object.fromEntries(defs) })

  const compiled = new Map<JsonSchema, ValidateFunction>()
  const faultsOf = (what: string, schema: JsonSchema, value: unknown): ReadonlyArray<string> => {
    const validate = compiled.get(schema) ?? ajv.compile(convert(schema) as JsonSchema)
    compiled.set(schema, validate)
    return validate(value) ? [] : [`${what}: ${ajv.errorsText(validate.errors).slice(0, 300)}`]
  }

  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`),
      operation
    }))
  )

  const parameterFaults = (operation: Operation, query: URLSearchParams) =>
    Array.from(query).flatMap(([name, text]) => {
      const parameter = operation.parameters?.find((parameter) => parameter.in === "query" && parameter.name === name)
      const value: unknown = /^(true|false|-?\d+)$/.test(text) ? JSON.parse(text) : text
      return parameter === undefined
        ? [`unknown query parameter ${name}`]
        : faultsOf(`query parameter ${name}`, parameter.schema, value)
    })

  return ({ method, request, response, status, url }) => {
    const { pathname, searchParams } = new URL(url, "http://qdrant")
    const route = routes.find((route) => route.method === method && route.pattern.test(pathname))
    if (route === undefined) return [`no operation ${method} ${pathname}`]
    const { operation } = route
    const body = operation.requestBody?.content?.["application/json"]?.schema
    const answer =
      (status < 400 ? operation.responses["200"] ?? operation.responses["default"] : operation.responses["4XX"])
        ?.content?.["application/json"]?.schema
    return [
      ...parameterFaults(operation, searchParams),
      ...(body === undefined
        ? request === undefined ? [] : ["a body nobody expects"]
        : faultsOf("request", body, request)),
      ...(answer === undefined ? [] : faultsOf(`response ${status}`, answer, response))
    ]
  }
}
