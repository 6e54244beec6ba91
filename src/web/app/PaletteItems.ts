/** What the palette offers. */
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import type { IconName } from "../design/Icon.tsx"
import type { Preferences } from "../storage/preferences.ts"
import { formatRoute } from "../topic/Route.ts"
import { requestOfThread } from "../topic/ThreadRequests.ts"
import type { appMessages } from "./AppMessages.ts"
import type { paletteMessages } from "./PaletteMessages.ts"

/** A command or a thread. */
export interface PaletteItem {
  readonly id: string
  readonly label: string
  readonly icon: IconName
  readonly shortcut?: string | undefined
  readonly run: () => void
}

/** Items under a heading. */
export interface PaletteGroup {
  readonly label: string
  readonly items: ReadonlyArray<PaletteItem>
}

/** The dialogs that the palette and the keyboard open. */
export type DialogName = "newThread" | "key" | "settings" | "shortcuts" | "palette"

interface Options {
  readonly messages: typeof appMessages.en & typeof paletteMessages.en
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly hasThread: boolean
  readonly theme: Preferences["theme"]
  readonly onOpen: (dialog: DialogName) => void
  readonly onTheme: (theme: Preferences["theme"]) => void
  readonly onCopyLink: () => void
}

/** The commands that can be given now, and the threads from the newest. */
export const paletteGroups = (
  { hasThread, messages, onCopyLink, onOpen, onTheme, theme, threads }: Options
): ReadonlyArray<PaletteGroup> => {
  const open = (dialog: DialogName) => () => onOpen(dialog)
  const themes = [["light", messages.lightTheme], ["dark", messages.darkTheme], [
    "system",
    messages.systemTheme
  ]] as const
  const ofThread: ReadonlyArray<PaletteItem> = [
    { id: "ask", label: messages.askChorus, icon: "voice", run: () => requestOfThread("ask") },
    { id: "people", label: messages.people, icon: "invite", run: () => requestOfThread("people") },
    { id: "link", label: messages.copyLink, icon: "link", run: onCopyLink },
    { id: "home", label: messages.allThreads, icon: "left", run: () => (location.hash = "") }
  ]
  return [
    {
      label: messages.commands,
      items: [
        { id: "new", label: messages.newThread, icon: "plus", run: open("newThread") },
        ...hasThread ? ofThread : [],
        { id: "settings", label: messages.settings, icon: "settings", run: open("settings") },
        { id: "shortcuts", label: messages.shortcuts, icon: "help", shortcut: "?", run: open("shortcuts") },
        { id: "key", label: messages.yourKey, icon: "key", run: open("key") },
        ...themes.filter(([value]) => value !== theme).map(([value, label]): PaletteItem => ({
          id: value,
          label,
          icon: "palette",
          run: () => onTheme(value)
        }))
      ]
    },
    {
      label: messages.threads,
      items: threads.toSorted((a, b) => b.updated_at - a.updated_at).map((thread): PaletteItem => ({
        id: thread.thread_id,
        label: thread.title ?? messages.erasedTitle,
        icon: thread.visibility === "public" ? "globe" : "lock",
        run: () => (location.hash = formatRoute(thread.thread_id))
      }))
    }
  ]
}
