/** Dialogs and menus in chunks of their own: no first screen needs them. */
import { type ComponentType, createElement, useState } from "react"
import { useMessages } from "../language/Language.ts"
import { designMessages } from "./DesignMessages.ts"
import { type LazyPart, lazyPart } from "./lazyPart.ts"
import { useToast } from "./Toast.tsx"

/** What all popups have. */
export interface PopupProps {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
}

/** Makes a popup, which is loaded when it opens first. If it cannot be loaded it says so, and counts as closed. */
export const lazyPopup = <P extends PopupProps>(load: () => Promise<ComponentType<P>>): LazyPart<P> => {
  const { Part, preload } = lazyPart(load)
  return {
    preload,
    Part: (props) => {
      const toast = useToast()
      const messages = useMessages(designMessages)
      // Once it has been open it stays, so that its closing can be seen and the focus goes back.
      const [wasOpened, setWasOpened] = useState(props.open)
      if (props.open && !wasOpened) setWasOpened(true)
      const onMissing = () => {
        setWasOpened(false)
        if (!props.open) return
        props.onOpenChange(false)
        toast(messages.partMissing)
      }
      return wasOpened ? createElement(Part, { ...props, onMissing }) : null
    }
  }
}

/** The card of all dialogs. */
export const cardPart = lazyPopup(() => import("./DialogCard.tsx").then(({ DialogCard }) => DialogCard))

/** The list of all menus. */
export const menuPart = lazyPopup(() => import("./MenuPopup.tsx").then(({ MenuPopup }) => MenuPopup))
