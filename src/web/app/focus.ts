/** Moves the focus. */

/** Focuses the field of the open thread; false if there is none. */
export const focusField = (): boolean => {
  const field = document.querySelector<HTMLTextAreaElement>("main textarea")
  field?.focus()
  return field !== null
}

/** Focuses the page's main part, where reading starts. */
export const focusMain = (): void => document.querySelector<HTMLElement>("main, [role=main]")?.focus()

/** Focuses the next (1) or previous (-1) of some elements from the one with the focus, or else the last of them. */
const focusFrom = (elements: ReadonlyArray<HTMLElement>, step: 1 | -1): boolean => {
  const index = elements.findIndex((element) => element.contains(document.activeElement))
  const element = index < 0 ? elements.at(-1) : elements[index + step]
  element?.focus()
  return element !== undefined
}

/** Focuses the next (1) or previous (-1) thread if the focus is in the list or there is no other, otherwise message. */
export const focusNeighbour = (step: 1 | -1): boolean => {
  const rows = [...document.querySelectorAll<HTMLElement>("nav [data-thread]")]
  const articles = [...document.querySelectorAll<HTMLElement>("main [role=log] article")]
  if (articles.length > 0 && !rows.some((row) => row === document.activeElement)) return focusFrom(articles, step)
  const isInList = rows.some((row) => row === document.activeElement)
  return isInList ? focusFrom(rows, step) : focusFrom(rows.toReversed(), step)
}
