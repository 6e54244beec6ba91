/**
 * The hash function of everything that lasts: SHA-256 of UTF-8, as base64url without padding. It is an argument of what
 * uses it, so that the domain runs in a browser and in the simulator as well as in the server.
 */
import { Schema } from "effect"

/** SHA-256 of a text in UTF-8, as 43 characters of base64url. */
export type HashFunction = (text: string) => string

/** What a value of `HashFunction` matches. */
export const hashPattern = /^[A-Za-z0-9_-]{43}$/u

/** A value of `HashFunction`. */
export const Hash = Schema.String.check(Schema.isPattern(hashPattern))
