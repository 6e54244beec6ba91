/**
 * Validates requests and responses against Qdrant's OpenAPI document, strictly: unknown fields and query parameters are
 * violations.
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

/** Violations of one exchange, as sentences. */
export type ExchangeCheck = (exchange: {
  readonly method: string
  readonly url: string
  readonly request: unknown
  readonly status: number
  readonly response: unknown
}) => ReadonlyArray<string>

const isObject = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null

/** Converts OpenAPI 3.0 to JSON Schema: references, `nullable`, and objects without additional fields. */
const toJsonSchema = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toJsonSchema)
  if (!isObject(value)) return value
  if (typeof value["$ref"] === "string") {
    return { $ref: value["$ref"].replace("#/components/schemas/", "qdrant#/$defs/") }
  }
  const { discriminator: _, example: __, nullable, ...rest } = value
  const schema: JsonSchema = {}
  for (const [key, part] of Object.entries(rest)) {
    schema[key] = key === "properties" && isObject(part)
      ? Object.fromEntries(Object.entries(part).map(([name, property]) => [name, toJsonSchema(property)]))
      : key === "enum" || key === "required" || key === "default"
      ? part
      : toJsonSchema(part)
  }
  if (schema["type"] === "object" && schema["properties"] !== undefined && schema["allOf"] === undefined) {
    schema["additionalProperties"] ??= false
  }
  if (nullable !== true) return schema
  const isUnconstrained = Object.keys(schema).every((key) => key === "description")
  return isUnconstrained ? { type: "null" } : { anyOf: [schema, { type: "null" }] }
}

const naturalFormat = (below: number) => ({
  type: "number" as const,
  validate: (value: number) => Number.isInteger(value) && value >= 0 && value < below
})

/** Compiles schemas lazily, because compiling all of them takes seconds. */
export const compileCheck = (document: Document): ExchangeCheck => {
  const ajv = new Ajv2020({ strict: false, logger: false })
  addFormats(ajv)
  for (
    const [name, below] of [["uint", 2 ** 53], ["uint64", 2 ** 64], ["uint32", 2 ** 32], ["uint16", 2 ** 16]] as const
  ) {
    ajv.addFormat(name, naturalFormat(below))
  }
  const defs = Object.entries(document.components.schemas).map(([name, schema]) => [name, toJsonSchema(schema)])
  ajv.addSchema({ $id: "qdrant", $defs: Object.fromEntries(defs) })

  const compiled = new Map<JsonSchema, ValidateFunction>()
  const findViolations = (what: string, schema: JsonSchema, value: unknown): ReadonlyArray<string> => {
    const validate = compiled.get(schema) ?? ajv.compile(toJsonSchema(schema) as JsonSchema)
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

  const findParameterViolations = (operation: Operation, query: URLSearchParams) =>
    Array.from(query).flatMap(([name, text]) => {
      const parameter = operation.parameters?.find((parameter) => parameter.in === "query" && parameter.name === name)
      const value: unknown = /^(true|false|-?\d+)$/.test(text) ? JSON.parse(text) : text
      return parameter === undefined
        ? [`unknown query parameter ${name}`]
        : findViolations(`query parameter ${name}`, parameter.schema, value)
    })

  return ({ method, request, response, status, url }) => {
    const { pathname, searchParams } = new URL(url, "http://qdrant")
    const route = routes.find((route) => route.method === method && route.pattern.test(pathname))
    if (route === undefined) return [`no operation ${method} ${pathname}`]
    const { operation } = route
    const requestSchema = operation.requestBody?.content?.["application/json"]?.schema
    const responseSchema =
      (status < 400 ? operation.responses["200"] ?? operation.responses["default"] : operation.responses["4XX"])
        ?.content?.["application/json"]?.schema
    return [
      ...findParameterViolations(operation, searchParams),
      ...(requestSchema === undefined
        ? request === undefined ? [] : ["an unexpected body"]
        : findViolations("request", requestSchema, request)),
      ...(responseSchema === undefined ? [] : findViolations(`response ${status}`, responseSchema, response))
    ]
  }
}
