/** The palette: one field that finds commands and threads. */
import { Autocomplete } from "@base-ui/react/autocomplete"
import { Dialog } from "@base-ui/react/dialog"
import { type ReactNode, useRef } from "react"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { Icon } from "../design/Icon.tsx"
import { useCopy } from "../design/useCopy.ts"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useMessages } from "../language/Language.ts"
import { changePreferences, usePreferences } from "../storage/preferences.ts"
import { appMessages } from "./AppMessages.ts"
import style from "./Palette.module.css"
import { type DialogName, type PaletteGroup, paletteGroups, type PaletteItem } from "./PaletteItems.ts"
import { paletteMessages } from "./PaletteMessages.ts"

interface Props {
  readonly open: boolean
  readonly onOpenChange: (open: boolean) => void
  readonly onDialog: (dialog: DialogName) => void
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly hasThread: boolean
}

/** At most so many items are shown: more words find the others. */
const maxItems = 100

/** The dialog; an item that is chosen closes it and runs. */
export const Palette = ({ hasThread, onDialog, onOpenChange, open, threads }: Props): ReactNode => {
  const messages = { ...useMessages(appMessages), ...useMessages(paletteMessages) }
  const copy = useCopy()
  const { theme } = usePreferences()
  const field = useRef<HTMLInputElement>(null)
  const groups = paletteGroups({
    messages,
    threads,
    hasThread,
    theme,
    onOpen: onDialog,
    onTheme: (theme) => changePreferences({ theme }),
    onCopyLink: () => copy(location.href, messages.linkCopied, messages.linkNotCopied)
  })
  const chosen = useRef<PaletteItem>(undefined)
  const choose = (item: PaletteItem) => {
    chosen.current = item
    onOpenChange(false)
  }
  // When the focus is back where it was, so that what is done can move it.
  const runChosen = (open: boolean) => {
    if (open) return
    chosen.current?.run()
    chosen.current = undefined
  }
  return (
    <Dialog.Root open={open} onOpenChange={(next) => onOpenChange(next)} onOpenChangeComplete={runChosen}>
      <Dialog.Portal>
        <Dialog.Backdrop className={style.veil} />
        <Dialog.Popup className={style.card} initialFocus={field}>
          <VisuallyHidden>
            <Dialog.Title>{messages.palette}</Dialog.Title>
          </VisuallyHidden>
          <Autocomplete.Root
            inline
            open
            items={groups}
            autoHighlight="always"
            keepHighlight
            limit={maxItems}
            itemToStringValue={(item: PaletteItem) => item.label}
          >
            <div className={style.field}>
              <Icon name="search" />
              <Autocomplete.Input
                ref={field}
                dir="auto"
                aria-label={messages.paletteField}
                placeholder={messages.paletteField}
              />
            </div>
            <Autocomplete.Empty className={style.empty}>{messages.nothingFound}</Autocomplete.Empty>
            <Items onChoose={choose} />
          </Autocomplete.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** What the words in the field have found. */
const Items = ({ onChoose }: { readonly onChoose: (item: PaletteItem) => void }): ReactNode => (
  <Autocomplete.List className={style.list}>
    {(group: PaletteGroup) => (
      <Autocomplete.Group key={group.label} items={group.items}>
        <Autocomplete.GroupLabel className={style.heading}>{group.label}</Autocomplete.GroupLabel>
        <Autocomplete.Collection>
          {(item: PaletteItem) => (
            <Autocomplete.Item
              key={item.id}
              value={item}
              className={style.item}
              onClick={() => onChoose(item)}
            >
              <Icon name={item.icon} />
              <span className={style.label} dir="auto">{item.label}</span>
              {item.shortcut !== undefined && <kbd>{item.shortcut}</kbd>}
            </Autocomplete.Item>
          )}
        </Autocomplete.Collection>
      </Autocomplete.Group>
    )}
  </Autocomplete.List>
)
