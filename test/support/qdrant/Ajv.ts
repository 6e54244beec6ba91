/** ajv as an ES module sees it. */
import { Ajv } from "ajv"
import formats from "ajv-formats"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

export type JsonSchema = Record<string, unknown>
export { Ajv, Ajv2020, type ValidateFunction }
export const addFormats = (ajv: Ajv | Ajv2020): void => void formats.default(ajv)
