/** The table of keyboard shortcuts. */
import type { ReactNode } from "react"
import { isMac } from "../composer/sendKey.ts"
import { Checkbox } from "../design/Checkbox.tsx"
import { Dialog } from "../design/Dialog.tsx"
import { useMessages } from "../language/Language.ts"
import { changePreferences, usePreferences } from "../storage/preferences.ts"
import { appMessages } from "./AppMessages.ts"
import style from "./ShortcutHelp.module.css"
import { shortcutMessages } from "./ShortcutMessages.ts"
import { shortcutLabels, shortcuts } from "./Shortcuts.ts"

/** The keys that move the focus, as they are written on them. They are no shortcuts: they work where the focus is. */
const partKeys = [
  { name: "parts", keys: ["Tab"] },
  { name: "rows", keys: ["↑", "↓"] },
  { name: "controls", keys: ["←", "→"] }
] as const

/** The dialog with the table, and the switch that turns single letters off. */
export const ShortcutHelp = (
  { onOpenChange, open }: { readonly open: boolean; readonly onOpenChange: (open: boolean) => void }
): ReactNode => {
  const { shortcuts: title } = useMessages(appMessages)
  const messages = useMessages(shortcutMessages)
  const { oneKeyShortcuts } = usePreferences()
  const mac = isMac()
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title}>
      <table className={style.table}>
        <thead>
          <tr>
            <th scope="col">{messages.key}</th>
            <th scope="col">{messages.action}</th>
          </tr>
        </thead>
        <tbody>
          {shortcuts.map((shortcut) => (
            <ShortcutRow
              key={shortcut.name}
              keys={shortcutLabels(shortcut, mac)}
              action={messages.shortcutNames[shortcut.name]}
            />
          ))}
          {partKeys.map(({ keys, name }) => (
            <ShortcutRow key={name} keys={keys.map((key) => [key])} action={messages.partNames[name]} />
          ))}
        </tbody>
      </table>
      <Checkbox
        label={messages.oneKeyShortcuts}
        checked={oneKeyShortcuts}
        onCheckedChange={(oneKeyShortcuts) => changePreferences({ oneKeyShortcuts })}
      />
    </Dialog>
  )
}

/** One line of the table: keys, of which each does it, with their modifiers. */
const ShortcutRow = (
  { action, keys }: { readonly keys: ReadonlyArray<ReadonlyArray<string>>; readonly action: string }
): ReactNode => {
  const { orKey } = useMessages(shortcutMessages)
  return (
    <tr>
      <td>
        {keys.map((labels, index) => (
          <span key={labels.join(" ")}>
            {index > 0 && ` ${orKey} `}
            {labels.map((label) => <kbd key={label}>{label}</kbd>)}
          </span>
        ))}
      </td>
      <td>{action}</td>
    </tr>
  )
}
