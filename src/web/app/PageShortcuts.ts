/** Listens to the keyboard shortcuts, and does what they mean. */
import { type ReactNode, type RefObject, useEffect, useEffectEvent } from "react"
import { isMac } from "../composer/sendKey.ts"
import { readPreferences } from "../storage/preferences.ts"
import { focusField, focusNeighbour } from "./focus.ts"
import type { DialogName } from "./PaletteItems.ts"
import { type ShortcutName, shortcutOf } from "./Shortcuts.ts"

interface Options {
  readonly searchField: RefObject<HTMLInputElement | null>
  readonly onDialog: (dialog: DialogName) => void
  /** Whether the open thread covers the list. */
  readonly canGoBack: boolean
}

/** Does what a shortcut means; false if it means nothing here. */
const run = (name: ShortcutName, { canGoBack, onDialog, searchField }: Options): boolean => {
  switch (name) {
    case "palette":
      onDialog("palette")
      return true
    case "help":
      onDialog("shortcuts")
      return true
    case "search":
      searchField.current?.select()
      return searchField.current !== null && searchField.current === document.activeElement
    case "compose":
      return focusField()
    case "next":
      return focusNeighbour(1)
    case "previous":
      return focusNeighbour(-1)
    case "back":
      if (canGoBack) location.hash = ""
      return canGoBack
  }
}

const fields = "input, textarea, select, [contenteditable]:not([contenteditable=false])"
const covers = "[role=dialog], [role=alertdialog], [role=menu], [role=listbox]"

/** Listens while it is mounted, and shows nothing. A key that does nothing keeps its usual meaning. */
export const PageShortcuts = (options: Options): ReactNode => {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target instanceof Element ? event.target : undefined
    const name = shortcutOf(event, {
      isMac: isMac(),
      isTyping: target?.closest(fields) != null,
      isCovered: document.querySelector(covers) !== null,
      oneKey: readPreferences().oneKeyShortcuts
    })
    if (name !== undefined && run(name, options)) event.preventDefault()
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event)
    addEventListener("keydown", listener)
    return () => removeEventListener("keydown", listener)
  }, [])
  return null
}
