/**
 * Makes an element one stop of the Tab key, within which other keys move the focus, as the ARIA Authoring Practices ask of a
 * toolbar. The toolbar of Base UI does so for items that are made for it; this one also for the links of a text and for rows
 * that come and go.
 */
import { type RefObject, useLayoutEffect } from "react"

/** How the focus moves within an element. */
export interface FocusGroup {
  /** Selects what can have the focus: it is no longer a stop of its own. */
  readonly items: string
  /** Where the Tab key enters; `last` is the item that had the focus last, or one around it if that is gone. */
  readonly enter: (group: HTMLElement, last: HTMLElement | undefined) => HTMLElement | undefined
  /** Where a key leads from the element that has the focus; undefined leaves the key its usual meaning. */
  readonly move: (key: string, from: HTMLElement, group: HTMLElement) => HTMLElement | undefined
}

/** What an element contains that can have the focus now. */
export const usableItems = (root: HTMLElement, items: string): ReadonlyArray<HTMLElement> =>
  [...root.querySelectorAll<HTMLElement>(items)].filter(isUsable)

const isUsable = (item: HTMLElement): boolean => !item.matches(":disabled") && item.checkVisibility()

/** The one of some elements in the order of the document that Home, End or a horizontal arrow key leads to. */
export const horizontalMove = (
  key: string,
  from: HTMLElement,
  elements: ReadonlyArray<HTMLElement>
): HTMLElement | undefined => {
  if (hasUse(key, from)) return undefined
  const isAt = (position: number) => (element: Node) => (from.compareDocumentPosition(element) & position) !== 0
  // By the page, not by the text around: else a key would lead back where texts of both directions stand in one row.
  switch (isRightToLeft(document.documentElement) ? mirrored[key] ?? key : key) {
    case "Home":
      return elements[0]
    case "End":
      return elements.at(-1)
    case "ArrowRight":
      return elements.find(isAt(Node.DOCUMENT_POSITION_FOLLOWING))
    case "ArrowLeft":
      return elements.findLast(isAt(Node.DOCUMENT_POSITION_PRECEDING))
    default:
      return undefined
  }
}

const mirrored: { readonly [key: string]: string } = { ArrowLeft: "ArrowRight", ArrowRight: "ArrowLeft" }

const isRightToLeft = (element: Element): boolean => getComputedStyle(element).direction === "rtl"

/** Whether an element with the focus has a use of its own for a key: it moves the caret of a field, or scrolls code. */
const hasUse = (key: string, element: HTMLElement): boolean => {
  const isForward = key === (isRightToLeft(element) ? "ArrowLeft" : "ArrowRight")
  if (element instanceof HTMLInputElement) {
    const { selectionEnd, selectionStart, value } = element
    return mirrored[key] === undefined || selectionStart !== selectionEnd ||
      selectionEnd !== (isForward ? value.length : 0)
  }
  if (mirrored[key] === undefined || !/auto|scroll/.test(getComputedStyle(element).overflowX)) return false
  const scrolled = Math.abs(element.scrollLeft)
  return isForward ? scrolled < element.scrollWidth - element.clientWidth - 1 : scrolled > 1
}

const focusItem = (item: HTMLElement | undefined): void => {
  item?.focus({ preventScroll: true })
  item?.scrollIntoView({ block: "nearest", inline: "nearest" })
}

/**
 * Keeps an element one stop while it is mounted. The Tab key comes to the element itself, which hands the focus on and is no
 * stop itself until that has left it: so nothing needs to be known beforehand of items that are hidden, disabled or gone by then.
 */
export const useFocusGroup = (ref: RefObject<HTMLElement | null>, { enter, items, move }: FocusGroup): void =>
  useLayoutEffect(() => {
    const group = ref.current
    if (group === null) return undefined
    let last: ReadonlyArray<HTMLElement> = []
    const setStop = (focused: Node | null) => {
      const tabIndex = group.contains(focused) ? -1 : 0
      if (group.tabIndex !== tabIndex) group.tabIndex = tabIndex
    }
    const unlist = (root: Element) => {
      for (const item of root.querySelectorAll<HTMLElement>(items)) item.tabIndex = -1
      if (root instanceof HTMLElement && root.matches(items)) root.tabIndex = -1
    }
    const onFocusIn = ({ target }: FocusEvent) => {
      setStop(document.activeElement)
      if (target !== group) last = itemsAround(target, items, group)
      else if (group.matches(":focus-visible")) {
        focusItem(enter(group, last.find((item) => group.contains(item) && isUsable(item))))
      }
    }
    const onFocusOut = ({ relatedTarget }: FocusEvent) => setStop(relatedTarget instanceof Node ? relatedTarget : null)
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
      const item = event.target instanceof HTMLElement ? move(event.key, event.target, group) : undefined
      if (item === undefined) return
      event.preventDefault()
      focusItem(item)
    }
    const observer = new MutationObserver((records) => {
      for (const node of records.flatMap(({ addedNodes }) => [...addedNodes])) {
        if (node instanceof Element) unlist(node)
      }
      // The focus does not leave by an event when what has it is removed.
      setStop(document.activeElement)
    })
    unlist(group)
    setStop(document.activeElement)
    observer.observe(group, { childList: true, subtree: true })
    group.addEventListener("focusin", onFocusIn)
    group.addEventListener("focusout", onFocusOut)
    group.addEventListener("keydown", onKeyDown)
    return () => {
      observer.disconnect()
      group.removeEventListener("focusin", onFocusIn)
      group.removeEventListener("focusout", onFocusOut)
      group.removeEventListener("keydown", onKeyDown)
    }
  }, [ref, enter, items, move])

/** An item and those around it, the innermost first. */
const itemsAround = (target: EventTarget | null, items: string, group: HTMLElement): ReadonlyArray<HTMLElement> => {
  const item = target instanceof Element ? target.closest<HTMLElement>(items) : null
  return item === null || !group.contains(item) ? [] : [item, ...itemsAround(item.parentElement, items, group)]
}
