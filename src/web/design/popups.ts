/** Where the parts of dialogs, menus and popovers are loaded from: no first screen needs them. */

/** Loads the parts. */
export const popups = {
  dialog: () => import("./DialogCard.tsx"),
  menu: () => import("./MenuPopup.tsx"),
  popover: () => import("./PopoverPopup.tsx")
}

/** Loads all of them, for when the page has nothing else to do: then a dialog opens also without a connection. */
export const preloadPopups = async (): Promise<void> => {
  await Promise.allSettled(Object.values(popups).map((load) => load()))
}
