/** Definitions of single settings: a `CHOIR_*` variable, how its text is parsed, and the words of its fault. */
import { Redacted } from "effect"

/** The definition of one setting. */
export interface Setting<A> {
  readonly name: string
  readonly defaultValue: A
  /** What is allowed; completes "must be …". */
  readonly expected: string
  /** Whether faults hide the value (SEC33). */
  readonly isSecret: boolean
  /** Undefined for an invalid text. */
  readonly parse: (text: string) => A | undefined
}

/** A setting `CHOIR_<name>`. */
export const make = <A>(
  name: string,
  defaultValue: A,
  expected: string,
  parse: Setting<A>["parse"],
  isSecret = false
): Setting<A> => ({ name: `CHOIR_${name}`, defaultValue, expected, parse, isSecret })

/** A whole number from `min` to `max`. */
export const number = (name: string, defaultValue: number, min: number, max: number): Setting<number> =>
  make(name, defaultValue, `a whole number from ${min} to ${max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? value : undefined
  })

/** Any text. */
export const text = (name: string, defaultValue: string): Setting<string> =>
  make(name, defaultValue, "a text", (value) => value)

/** Any text, or null. */
export const optional = (name: string, expected = "a text"): Setting<string | null> =>
  make<string | null>(name, null, expected, (value) => value)

/**
 * An `http://` or `https://` URL, or null. Without a fragment, which would be sent to nobody, and without user name and
 * password (SEC33): URLs end up in logs and error messages. `keySetting` is where a credential belongs.
 */
export const url = (name: string, keySetting: string): Setting<string | null> =>
  make<string | null>(
    name,
    null,
    "an http:// or https:// URL without a fragment, a user name and a password; " +
      `CHOIR_${keySetting} is for the credential`,
    (value) => /^https?:\/\/[^#]*$/.test(value) && isUrlWithoutUser(value) ? value : undefined
  )

const isUrlWithoutUser = (value: string): boolean => {
  const { password, username } = URL.parse(value) ?? { password: "?", username: "?" }
  return username === "" && password === ""
}

/** A text that is never printed (SEC33), or null. */
export const secret = (name: string): Setting<Redacted.Redacted | null> =>
  make<Redacted.Redacted | null>(name, null, "a secret", (value) => Redacted.make(value), true)

/** How the address of a Postgres server may ask for encryption. */
const sslModes: ReadonlySet<string> = new Set(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])

/** The address of a Postgres server, or null. Never printed, since it holds the password. */
export const postgres = (name: string): Setting<Redacted.Redacted | null> =>
  make<Redacted.Redacted | null>(
    name,
    null,
    "an address such as postgres://user:password@host:5432/database?sslmode=require",
    (value) => {
      const url = URL.parse(value)
      const isKnown = url !== null && /^postgres(?:ql)?:$/.test(url.protocol) &&
        sslModes.has(url.searchParams.get("sslmode") ?? "disable")
      return isKnown ? Redacted.make(value) : undefined
    },
    true
  )

/** 0 or 1. */
export const flag = (name: string, defaultValue: boolean): Setting<boolean> =>
  make(name, defaultValue, "0 or 1", (value) => value === "1" ? true : value === "0" ? false : undefined)

/** Items separated by commas. */
export const list = (
  name: string,
  expected: string,
  isValid: (item: string) => boolean
): Setting<ReadonlyArray<string>> =>
  make<ReadonlyArray<string>>(name, [], `a comma-separated list of ${expected}`, (value) => {
    const items = value.split(",").map((item) => item.trim())
    return items.every(isValid) ? items : undefined
  })

/** One of these values, in any letter case. */
export const choice = <A extends string>(name: string, defaultValue: A, values: ReadonlyArray<A>): Setting<A> =>
  make(
    name,
    defaultValue,
    `one of ${values.join(", ")}`,
    (text) => values.find((value) => value.toLowerCase() === text.toLowerCase())
  )

/** The setting's value in an environment; empty counts as absent. Adds a fault to `faults` if it is invalid. */
export const readSetting = <A>(
  env: Readonly<Record<string, string>>,
  setting: Setting<A>,
  faults: Array<string>
): A => {
  const text = env[setting.name]
  if (text === undefined || text === "") return setting.defaultValue
  const value = /[\r\n]/.test(text) ? undefined : setting.parse(text)
  if (value !== undefined) return value
  // What has an @ may be an address with a password.
  const isHidden = setting.isSecret || text.includes("@")
  faults.push(`${setting.name}=${isHidden ? "(hidden)" : JSON.stringify(text)} must be ${setting.expected}`)
  return setting.defaultValue
}

/** A setting's value as the text that it is parsed from. */
export const toText = (value: unknown): string =>
  Redacted.isRedacted(value)
    ? String(Redacted.value(value))
    : typeof value === "boolean"
    ? value ? "1" : "0"
    : Array.isArray(value)
    ? value.join(",")
    : value === null || value === undefined
    ? ""
    : String(value)
