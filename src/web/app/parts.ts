/** The parts of the page with chunks of their own: what the first screen does not need. */
import { lazyPart } from "../design/lazyPart.ts"
import { cardPart, lazyPopup, menuPart } from "../design/popups.ts"

/** The page of a thread. */
export const threadPart = lazyPart(() => import("../thread/ThreadPage.tsx").then(({ ThreadPage }) => ThreadPage))

/** What reads a thread before it is opened. */
export const watchPart = { preload: () => import("../topic/watchBriefly.ts") }

/** The page of a browser without a key. */
export const onboardingPart = lazyPart(() => import("../identity/Onboarding.tsx").then(({ Onboarding }) => Onboarding))

/** The notice about a new key. */
export const saveKeyPart = lazyPart(() =>
  import("../identity/SaveKeyNotice.tsx").then(({ SaveKeyNotice }) => SaveKeyNotice)
)

/** The dialog for a new thread. */
export const newThreadPart = lazyPopup(() =>
  import("../threads/NewThreadDialog.tsx").then(({ NewThreadDialog }) => NewThreadDialog)
)

/** The dialog about the user's key. */
export const keyPart = lazyPopup(() => import("../identity/KeyDialog.tsx").then(({ KeyDialog }) => KeyDialog))

/** What listens to the shortcuts. */
export const listenerPart = lazyPart(() => import("./PageShortcuts.ts").then(({ PageShortcuts }) => PageShortcuts))

/** The table of shortcuts. */
export const shortcutsPart = lazyPopup(() => import("./ShortcutHelp.tsx").then(({ ShortcutHelp }) => ShortcutHelp))

/** The palette of commands. */
export const palettePart = lazyPopup(() => import("./Palette.tsx").then(({ Palette }) => Palette))

/** The settings. */
export const settingsPart = lazyPopup(() => import("./SettingsDialog.tsx").then(({ SettingsDialog }) => SettingsDialog))

/** In the order in which they are likely to be wanted. */
export const lazyParts = [
  threadPart,
  watchPart,
  cardPart,
  menuPart,
  newThreadPart,
  keyPart,
  palettePart,
  settingsPart,
  shortcutsPart
]
