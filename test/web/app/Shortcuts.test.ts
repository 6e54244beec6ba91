import { assert, describe, it } from "@effect/vitest"
import {
  type KeyContext,
  type KeyPress,
  shortcutLabels,
  shortcutOf,
  shortcuts
} from "../../../src/web/app/Shortcuts.ts"

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  defaultPrevented: false,
  repeat: false,
  ...more
})

const reading: KeyContext = { isMac: false, isTyping: false, isCovered: false, oneKey: true }
const oneKeyShortcuts = shortcuts.filter(({ withCommand }) => !withCommand)

describe("shortcuts", () => {
  it("are one key each, while nobody types", () => {
    for (const { keys, name } of oneKeyShortcuts) {
      for (const key of keys) {
        assert.strictEqual(shortcutOf(press(key), reading), name)
        assert.isUndefined(shortcutOf(press(key), { ...reading, isTyping: true }))
        assert.isUndefined(shortcutOf(press(key), { ...reading, isCovered: true }))
      }
    }
  })

  it("have keys of their own", () => {
    const keys = shortcuts.flatMap(({ keys, withCommand }) => keys.map((key) => `${withCommand} ${key}`))
    assert.strictEqual(new Set(keys).size, keys.length)
  })

  it("leave keys with modifiers, of an input method, and those that something else has taken", () => {
    for (const { keys: [key] } of oneKeyShortcuts) {
      for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
        assert.notStrictEqual(shortcutOf(press(key!, more), reading), shortcutOf(press(key!), reading))
      }
      assert.isUndefined(shortcutOf(press(key!, { isComposing: true }), reading))
      assert.isUndefined(shortcutOf(press(key!, { defaultPrevented: true }), reading))
    }
  })

  it("open the palette with ⌘ on a Mac and Ctrl elsewhere, also while one types", () => {
    const typing = { ...reading, isTyping: true }
    assert.strictEqual(shortcutOf(press("k", { ctrlKey: true }), typing), "palette")
    assert.strictEqual(shortcutOf(press("K", { ctrlKey: true }), typing), "palette")
    assert.isUndefined(shortcutOf(press("k", { metaKey: true }), typing))
    const mac = { ...typing, isMac: true }
    assert.strictEqual(shortcutOf(press("k", { metaKey: true }), mac), "palette")
    assert.isUndefined(shortcutOf(press("k", { ctrlKey: true }), mac))
    assert.deepStrictEqual(shortcutLabels(shortcuts[0]!, true), [["⌘", "K"]])
    assert.deepStrictEqual(shortcutLabels(shortcuts[0]!, false), [["Ctrl", "K"]])
  })

  it("of a letter can be turned off", () => {
    const off = { ...reading, oneKey: false }
    const left = shortcuts.filter(({ keys, withCommand }) =>
      shortcutOf(press(keys[0]!, { ctrlKey: withCommand }), off) !== undefined
    )
    assert.deepStrictEqual(left.map(({ name }) => name), ["palette", "back"])
  })
})
