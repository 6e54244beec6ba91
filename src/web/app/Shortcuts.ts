/** The keyboard shortcuts of the page as data, and which of them a key press means. */

/** A shortcut. The names are those of `shortcutMessages`. */
export interface Shortcut {
  readonly name: "palette" | "help" | "search" | "compose" | "next" | "previous" | "back"
  /** Values of `KeyboardEvent.key`, each of which does it. */
  readonly keys: ReadonlyArray<string>
  /** Together with ⌘ on a Mac, and Ctrl elsewhere. Works while one types. */
  readonly withCommand: boolean
}

/** The name of a shortcut. */
export type ShortcutName = Shortcut["name"]

/** All shortcuts, in the order in which the help shows them. */
export const shortcuts: ReadonlyArray<Shortcut> = [
  { name: "palette", keys: ["k"], withCommand: true },
  { name: "search", keys: ["/"], withCommand: false },
  { name: "compose", keys: ["c", "r"], withCommand: false },
  { name: "next", keys: ["j"], withCommand: false },
  { name: "previous", keys: ["k"], withCommand: false },
  { name: "back", keys: ["Escape"], withCommand: false },
  { name: "help", keys: ["?"], withCommand: false }
]

/** What is asked of a `KeyboardEvent`. */
export type KeyPress = Pick<
  KeyboardEvent,
  "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "defaultPrevented" | "repeat"
>

/** Where a key press happens. */
export interface KeyContext {
  readonly isMac: boolean
  /** Whether the focus is in a field, where keys are letters. */
  readonly isTyping: boolean
  /** Whether a dialog or menu is open, which has keys of its own. */
  readonly isCovered: boolean
  /** Whether shortcuts of one key are on: speech input and tremor press them by accident (WCAG 2.1.4). */
  readonly oneKey: boolean
}

/** The shortcut that a key press means; undefined for all others. */
export const shortcutOf = (press: KeyPress, context: KeyContext): ShortcutName | undefined => {
  if (press.defaultPrevented || press.isComposing || press.altKey || context.isCovered) return undefined
  const command = context.isMac ? press.metaKey : press.ctrlKey
  if (press.ctrlKey || press.metaKey) {
    if (!command || press.ctrlKey && press.metaKey || press.repeat) return undefined
    return shortcuts.find(({ keys, withCommand }) => withCommand && keys.includes(press.key.toLowerCase()))?.name
  }
  if (context.isTyping) return undefined
  const shortcut = shortcuts.find(({ keys, withCommand }) => !withCommand && keys.includes(press.key))
  return shortcut === undefined || !context.oneKey && press.key.length === 1 ? undefined : shortcut.name
}

/** A key as it is written on it. */
export const keyLabel = (key: string): string => key === "Escape" ? "Esc" : key.length === 1 ? key.toUpperCase() : key

/** The keys of a shortcut, each with its modifier: `⌘ K` or `Ctrl K`. */
export const shortcutLabels = ({ keys, withCommand }: Shortcut, mac: boolean): ReadonlyArray<ReadonlyArray<string>> =>
  keys.map((key) => withCommand ? [mac ? "⌘" : "Ctrl", keyLabel(key)] : [keyLabel(key)])
