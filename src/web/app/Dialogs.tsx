/** The dialogs of the frame, each loaded at its first opening, or in idle time before it. */
import type { ReactNode } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import type { DialogName } from "./PaletteItems.ts"
import { keyPart, newThreadPart, palettePart, settingsPart, shortcutsPart } from "./parts.ts"

interface Props {
  readonly dialog: DialogName | undefined
  readonly onDialogChange: (dialog: DialogName | undefined) => void
  readonly threads: ReadonlyArray<ThreadSummary>
  readonly hasThread: boolean
  readonly secret: string | undefined
  readonly onKeyRemoved: () => void
  readonly onThreadCreated: (topic: TopicId) => void
}

/** The dialogs. */
export const Dialogs = (
  { dialog, hasThread, onDialogChange, onKeyRemoved, onThreadCreated, secret, threads }: Props
): ReactNode => {
  const frame = (name: DialogName) => ({
    open: dialog === name,
    onOpenChange: (open: boolean) => onDialogChange(open ? name : undefined)
  })
  return (
    <>
      <newThreadPart.Part {...frame("newThread")} onThreadCreated={onThreadCreated} />
      <keyPart.Part {...frame("key")} secret={secret} onKeyRemoved={onKeyRemoved} />
      <shortcutsPart.Part {...frame("shortcuts")} />
      <settingsPart.Part {...frame("settings")} />
      <palettePart.Part {...frame("palette")} onDialog={onDialogChange} threads={threads} hasThread={hasThread} />
    </>
  )
}
