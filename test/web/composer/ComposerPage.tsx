/** The composer in a document, used as a person does. */
import type { ReactNode } from "react"
import type { Client } from "../../../src/client/Client.ts"
import { ChoirProvider } from "../../../src/react/ClientContext.ts"
import { Composer } from "../../../src/web/composer/Composer.tsx"
import { ToastProvider } from "../../../src/web/design/Toast.tsx"
import { ThreadTopicProvider } from "../../../src/web/topic/ThreadTopic.ts"
import { perform, render, type Rendered } from "../Rendered.ts"
import type { ThreadServer } from "./ThreadServer.ts"

/** A composer in the document, until it is disposed of. */
export interface ComposerPage extends Rendered {
  readonly field: () => HTMLTextAreaElement
  /** The button with this name; undefined if there is none. */
  readonly button: (name: string) => HTMLButtonElement | undefined
  readonly click: (name: string) => Promise<void>
  /** Writes in place of what is in the field. */
  readonly type: (text: string) => Promise<void>
  /** Presses a key in the field; false if the page has taken it. */
  readonly press: (key: string, init?: KeyboardEventInit) => Promise<boolean>
  readonly text: () => string
  /** The texts that were not accepted. */
  readonly rejected: () => ReadonlyArray<string>
}

/** Sets the value of an input as a browser does, past React's own setter. */
export const setValue = (element: HTMLInputElement | HTMLTextAreaElement, value: string): Promise<void> =>
  perform(() => {
    const { prototype } = element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement
    Object.getOwnPropertyDescriptor(prototype, "value")?.set?.call(element, value)
    element.dispatchEvent(new Event("input", { bubbles: true }))
  })

/** Opens the thread's composer for a client, as a tab of the page does. */
export const openComposer = async (
  server: ThreadServer,
  client: Client = server.client(),
  around: (composer: ReactNode) => ReactNode = (composer) => composer
): Promise<ComposerPage> => {
  const rendered = await render(
    <ChoirProvider client={client}>
      <ThreadTopicProvider id={server.id}>
        <ToastProvider>
          {around(<Composer onSent={() => {}} focusOnMount={false} onFocused={() => {}} />)}
        </ToastProvider>
      </ThreadTopicProvider>
    </ChoirProvider>
  )
  const { container } = rendered
  const field = () => container.querySelector("textarea") ?? fail(container)
  const button = (name: string) =>
    [...container.querySelectorAll("button")].find((button) =>
      (button.getAttribute("aria-label") ?? button.textContent) === name
    )
  return {
    ...rendered,
    field,
    button,
    click: (name) => perform(() => (button(name) ?? fail(container)).click()),
    type: (text) => setValue(field(), text),
    press: async (key, init) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init })
      await perform(() => field().dispatchEvent(event))
      return !event.defaultPrevented
    },
    text: () => container.textContent,
    rejected: () => [...container.querySelectorAll("li p[dir]")].map((text) => text.textContent)
  }
}

const fail = (container: HTMLElement): never => {
  throw new Error(`not in the document: ${container.innerHTML}`)
}
