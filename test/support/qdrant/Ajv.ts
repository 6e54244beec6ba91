/** ajv as an ES module sees it. */
import formats from "ajv-formats"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

export type JsonSchema = Record<string, unknown>
export { Ajv2020, type ValidateFunction }
export const addFormats = (ajv: Ajv2020): void => void formats.default(ajv)
