/** What a user has chosen for this browser: theme, language, which key sends. Kept in its storage, in step in all its tabs. */
import { Effect, Option, Schema } from "effect"
import { useSyncExternalStore } from "react"

const fallback = <T>(value: T) => Effect.succeed(value)

/** The choices. `system` follows the browser. */
export const Preferences = Schema.Struct({
  theme: Schema.Literals(["system", "light", "dark"]).pipe(Schema.withDecodingDefault(fallback("system" as const))),
  language: Schema.Literals(["system", "en", "de"]).pipe(Schema.withDecodingDefault(fallback("system" as const))),
  /** What sends a text; Shift+Enter breaks the line in either case. */
  sendKey: Schema.Literals(["enter", "ctrl-enter"]).pipe(Schema.withDecodingDefault(fallback("enter" as const))),
  /** Whether single letters are shortcuts while nobody types. */
  oneKeyShortcuts: Schema.Boolean.pipe(Schema.withDecodingDefault(fallback(true)))
})
export type Preferences = typeof Preferences.Type

const PreferencesText = Schema.fromJsonString(Preferences)
const decode = Schema.decodeUnknownOption(PreferencesText)
const encode = Schema.encodeSync(PreferencesText)

const storageKey = "choir:preferences"
const defaults: Preferences = { theme: "system", language: "system", sendKey: "enter", oneKeyShortcuts: true }

const listeners = new Set<() => void>()
let current: Preferences | undefined

const load = (): Preferences => {
  try {
    return Option.getOrElse(decode(localStorage.getItem(storageKey)), () => defaults)
  } catch {
    return defaults
  }
}

/** The present choices. */
export const readPreferences = (): Preferences => current ??= load()

const notify = (preferences: Preferences): void => {
  current = preferences
  for (const listener of listeners) listener()
}

/** Changes some of the choices. A browser that stores nothing keeps them until the page is closed. */
export const changePreferences = (change: Partial<Preferences>): void => {
  const next = { ...readPreferences(), ...change }
  try {
    localStorage.setItem(storageKey, encode(next))
  } catch {
    // Kept in memory.
  }
  notify(next)
}

const onStorage = ({ key }: StorageEvent): void => {
  if (key === storageKey) notify(load())
}

/** Calls back after each change, also by another tab. Returns the unsubscribe. */
export const onPreferencesChange = (listener: () => void): () => void => {
  if (listeners.size === 0) addEventListener("storage", onStorage)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) removeEventListener("storage", onStorage)
  }
}

/** The present choices, as a hook. */
export const usePreferences = (): Preferences => useSyncExternalStore(onPreferencesChange, readPreferences)
