/** Components in the document, found as a reader's software finds them. */
import { act, type ReactNode } from "react"
import { createRoot } from "react-dom/client"

Reflect.set(globalThis, "IS_REACT_ACT_ENVIRONMENT", true)

/** Components that stand in the document until they are disposed of. */
export interface Rendered extends AsyncDisposable {
  readonly container: HTMLElement
  /** Renders other components in their place, or the same ones with other props. */
  readonly update: (element: ReactNode) => Promise<void>
}

/** Renders components at the end of the body. */
export const render = async (element: ReactNode): Promise<Rendered> => {
  const container = document.createElement("main")
  document.body.append(container)
  const root = createRoot(container)
  const update = (element: ReactNode) => perform(() => root.render(element))
  await update(element)
  return {
    container,
    update,
    [Symbol.asyncDispose]: async () => {
      await perform(() => root.unmount())
      container.remove()
    }
  }
}

/** The name of a control: its label's text, its `aria-label`, or its own text. */
const nameOf = (element: Element): string => {
  const labels = element instanceof HTMLInputElement ? [...element.labels ?? []] : []
  const text = element.getAttribute("aria-label")
    ?? (labels.length > 0 ? labels.map((label) => label.textContent).join(" ") : element.textContent)
  return text.trim()
}

const byRole = {
  button: "button",
  textbox: "input:not([type]), input[type=text], textarea",
  checkbox: "input[type=checkbox]",
  radio: "input[type=radio]",
  menuitem: "[role=menuitem]",
  dialog: "[role=dialog]",
  alertdialog: "[role=alertdialog]",
  menu: "[role=menu]",
  status: "[role=status]"
} as const

/** The elements of a role in the document, with a name if one is given. */
export const all = (role: keyof typeof byRole, name?: string): ReadonlyArray<HTMLElement> =>
  [...document.querySelectorAll<HTMLElement>(byRole[role])].filter((element) =>
    name === undefined || nameOf(element) === name
  )

/** The one element of a role, and of a name. Throws if there is none, or another. */
export const one = (role: keyof typeof byRole, name?: string): HTMLElement => {
  const [element, another] = all(role, name)
  if (element === undefined || another !== undefined) {
    throw new Error(
      `${element === undefined ? "no" : "more than one"} ${role} ${name ?? ""}: ${document.body.innerHTML}`
    )
  }
  return element
}

/** Does something to the components, and waits until they have rendered: the focus moves in the frame after that. */
export const perform = async (action: () => void): Promise<void> => {
  await act(async () => action())
  await act(() => new Promise<void>((resolve) => requestAnimationFrame(() => resolve())))
}

/** Presses a control with the pointer, as far as components look. */
export const click = (element: HTMLElement): Promise<void> =>
  perform(() => {
    element.focus()
    element.click()
  })

/** Presses a key where the focus is. */
export const press = (key: string): Promise<void> =>
  perform(() => {
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))
    document.activeElement?.dispatchEvent(new KeyboardEvent("keyup", { key, bubbles: true, cancelable: true }))
  })
