/** The parts of dialogs and menus, in chunks of their own: no first screen needs them. */
import { type ComponentType, useEffect, useReducer } from "react"

/** A component that is loaded when it is wanted. */
interface LazyPopup<P> {
  /** Undefined until it is loaded. */
  readonly component: () => ComponentType<P> | undefined
  /** Loads it; again after a failure, since the page may have been offline. */
  readonly load: () => Promise<void>
}

const lazyPopup = <P>(importIt: () => Promise<ComponentType<P>>): LazyPopup<P> => {
  let component: ComponentType<P> | undefined
  return {
    component: () => component,
    load: async () => {
      component ??= await importIt()
    }
  }
}

/** The parts. */
export const popups = {
  dialog: lazyPopup(() => import("./DialogCard.tsx").then(({ DialogCard }) => DialogCard)),
  menu: lazyPopup(() => import("./MenuPopup.tsx").then(({ MenuPopup }) => MenuPopup))
}

/**
 * The component of a part, once it is wanted and loaded. Not `React.lazy`: after a fallback React waits for 300 ms before it
 * shows what has come, which is long for a menu.
 */
export const usePopup = <P>({ component, load }: LazyPopup<P>, isWanted: boolean): ComponentType<P> | undefined => {
  const [, renderAgain] = useReducer((count: number) => count + 1, 0)
  const loaded = isWanted ? component() : undefined
  useEffect(() => {
    // By what was rendered: it may have been loaded since, and then nothing else would show it.
    if (isWanted && loaded === undefined) load().then(renderAgain, () => {})
  }, [isWanted, loaded, load])
  return loaded
}

/** Loads all of them, for when the page has nothing else to do: then a dialog opens also without a connection. */
export const preloadPopups = async (): Promise<void> => {
  await Promise.allSettled(Object.values(popups).map(({ load }) => load()))
}
