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
  const words = useMessages(settingsMessages)
  const { language, sendKey, theme } = usePreferences()
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={words.title} description={words.description}>
      <div className={style.groups}>
        <RadioGroup
          legend={words.theme}
          value={theme}
          onValueChange={(theme) => changePreferences({ theme })}
          options={[
            { value: "system", label: words.system },
            { value: "light", label: words.light },
            { value: "dark", label: words.dark }
          ]}
        />
        <RadioGroup
          legend={words.language}
          value={language}
          onValueChange={(language) => changePreferences({ language })}
          options={[
            { value: "system", label: words.system },
            { value: "en", label: <span lang="en">{words.english}</span> },
            { value: "de", label: <span lang="de">{words.german}</span> }
          ]}
        />
        <RadioGroup
          legend={words.sendKey}
          value={sendKey}
          onValueChange={(sendKey) => changePreferences({ sendKey })}
          options={[
            { value: "enter", label: words.enter, hint: words.enterHint },
            { value: "ctrl-enter", label: words.ctrlEnter(isMac()), hint: words.ctrlEnterHint }
          ]}
        />
      </div>
    </Dialog>
  )
}
