/** Keeps the keyboard at its place in a timeline whose controls go away with what they did. */
import { useEffect } from "react"

const log = "[role=log]"
const dialog = "[role=dialog], [role=alertdialog]"

/**
 * While mounted: when what had the focus in the timeline has left the document, as the buttons of a vote that is given, and
 * nothing else has it, its message gets the focus, or else the timeline. A dialog in between does not count.
 */
export const useKeptFocus = (): void => {
  useEffect(() => {
    let last: Element | undefined
    let message = ""
    const remember = ({ target }: FocusEvent) => {
      if (!(target instanceof Element)) return
      if (target.closest(log) !== null) {
        last = target
        message = target.closest("article")?.id ?? ""
      } else if (target.closest(dialog) === null) last = undefined
    }
    const restore = () => {
      if (last === undefined || last.isConnected || document.activeElement !== document.body) return
      const place = document.getElementById(message) ?? document.querySelector<HTMLElement>(log)
      place?.focus({ preventScroll: true })
    }
    // On its way elsewhere the focus is nowhere, and controls that are there for it only have left already.
    const forget = ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget instanceof Element && relatedTarget.closest(dialog) === null) last = undefined
    }
    const observer = new MutationObserver(restore)
    observer.observe(document.body, { childList: true, subtree: true })
    document.addEventListener("focusin", remember)
    document.addEventListener("focusout", forget, true)
    return () => {
      observer.disconnect()
      document.removeEventListener("focusin", remember)
      document.removeEventListener("focusout", forget, true)
    }
  }, [])
}
