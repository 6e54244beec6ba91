/** What a user does to the page, and the patience to wait until it stands still. */

const nextFrame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve))

/** Frames without a change after which a page stands still. */
const quietFrames = 6

/** Waits until what `selector` finds is there, and the page stands still. */
export const settle = async (selector = "main, nav"): Promise<void> => {
  let changes = 0
  const observer = new MutationObserver(() => changes += 1)
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
  for (let quiet = 0, seen = 0; quiet < quietFrames || document.querySelector(selector) === null; quiet++) {
    await nextFrame()
    if (changes !== seen) quiet = 0
    seen = changes
  }
  observer.disconnect()
}

const nameOf = (element: Element): string => element.getAttribute("aria-label") ?? element.textContent.trim()

const findButton = (label: string): HTMLElement => {
  const buttons = [...document.querySelectorAll<HTMLElement>("button, summary, [role=menuitem], [role=tab]")]
  const button = buttons.findLast((button) => nameOf(button) === label) ??
    buttons.findLast((button) => nameOf(button).startsWith(label))
  if (button === undefined) throw new Error(`no button "${label}" among ${buttons.map(nameOf).join(", ")}`)
  return button
}

/** Presses the last button with a name, or with one that begins so. */
export const press = async (label: string): Promise<void> => {
  const button = findButton(label)
  button.focus()
  button.click()
  await settle()
}

/** Writes into the composer. */
export const write = async (text: string): Promise<void> => {
  const field = document.querySelector("textarea")!
  field.focus()
  // As a key does it: React hears of a value that was set by the element's own setter.
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")!.set!.call(field, text)
  field.dispatchEvent(new InputEvent("input", { bubbles: true }))
  await settle()
}

/** Presses a key where the focus is. */
export const pressKey = async (key: KeyboardEventInit): Promise<void> => {
  ;(document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...key })
  )
  await settle()
}
