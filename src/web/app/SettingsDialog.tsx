/** The dialog in which one chooses the theme, the language, and which key sends. A choice takes effect at once. */
import type { ReactNode } from "react"
import { isMac } from "../composer/sendKey.ts"
import { Dialog } from "../design/Dialog.tsx"
import { RadioGroup } from "../design/RadioGroup.tsx"
import { useMessages } from "../language/Language.ts"
import { changePreferences, usePreferences } from "../storage/preferences.ts"
import style from "./SettingsDialog.module.css"
import { settingsMessages } from "./SettingsMessages.ts"

/** The settings of this browser. */
export const SettingsDialog = ({ onOpenChange, open }: {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
}): ReactNode => {
  const messages = useMessages(settingsMessages)
  const { language, sendKey, theme } = usePreferences()
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={messages.title} description={messages.description}>
      <div className={style.groups}>
        <RadioGroup
          legend={messages.theme}
          value={theme}
          onValueChange={(theme) => changePreferences({ theme })}
          options={[
            { value: "system", label: messages.system },
            { value: "light", label: messages.light },
            { value: "dark", label: messages.dark }
          ]}
        />
        <RadioGroup
          legend={messages.language}
          value={language}
          onValueChange={(language) => changePreferences({ language })}
          options={[
            { value: "system", label: messages.system },
            { value: "en", label: <span lang="en">{messages.english}</span> },
            { value: "de", label: <span lang="de">{messages.german}</span> }
          ]}
        />
        <RadioGroup
          legend={messages.sendKey}
          value={sendKey}
          onValueChange={(sendKey) => changePreferences({ sendKey })}
          options={[
            { value: "enter", label: messages.enter, hint: messages.enterHint },
            { value: "ctrl-enter", label: messages.ctrlEnter(isMac()), hint: messages.ctrlEnterHint }
          ]}
        />
      </div>
    </Dialog>
  )
}
