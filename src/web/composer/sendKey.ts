/** Which keys send a text, and which break its line. */
import { useMediaQuery } from "../design/useMediaQuery.ts"
import type { Preferences } from "../storage/preferences.ts"

/** What a press of a key is judged by. */
export interface KeyPress {
  readonly key: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly isComposing: boolean
  readonly keyCode: number
}

/** The code of a key that an input method has taken; Safari sends it after the end of the composition. */
const takenByInputMethod = 229

/**
 * Whether a key sends the text. Within an input method Enter chooses a word, with Shift it breaks the line; with Ctrl or Cmd
 * it sends. By itself it does what the user has chosen, and breaks the line where the keyboard is on the screen.
 */
export const isSendKey = (press: KeyPress, sendKey: Preferences["sendKey"], isTouch: boolean): boolean => {
  if (press.key !== "Enter" || press.isComposing || press.keyCode === takenByInputMethod) return false
  if (press.shiftKey || press.altKey) return false
  return press.ctrlKey || press.metaKey || sendKey === "enter" && !isTouch
}

/** Whether this is one of Apple's machines, whose keyboards have ⌘. */
export const isMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.userAgent)

/** Whether the first pointer of this device is a finger. */
export const useIsTouch = (): boolean => useMediaQuery("(pointer: coarse)")
