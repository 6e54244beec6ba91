/** Re-exports ajv, whose CommonJS default exports need unwrapping. */
import { Ajv } from "ajv"
import formats from "ajv-formats"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

/** A JSON Schema. */
export type JsonSchema = Record<string, unknown>
export { Ajv, Ajv2020, type ValidateFunction }
/** Adds the standard formats. */
export const addFormats = (ajv: Ajv | Ajv2020): void => void formats.default(ajv)
