/** The dialogs of the frame, each loaded at its first opening, or in idle time before it. */
import { type ReactNode, Suspense, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { useToast } from "../design/Toast.tsx"
import { useMessages } from "../language/Language.ts"
import { appMessages } from "./AppMessages.ts"
import { FaultBoundary } from "./FaultBoundary.tsx"
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

/** The dialogs. One that was opened once stays mounted, so that it can close in its own time. */
export const Dialogs = (
  { dialog, hasThread, onDialogChange, onKeyRemoved, onThreadCreated, secret, threads }: Props
): ReactNode => {
  const toast = useToast()
  const messages = useMessages(appMessages)
  const [opened, setOpened] = useState<ReadonlySet<DialogName>>(new Set())
  const [faults, setFaults] = useState(0)
  if (dialog !== undefined && !opened.has(dialog)) setOpened(new Set([...opened, dialog]))
  const frame = (name: DialogName) => ({
    open: dialog === name,
    onOpenChange: (open: boolean) => onDialogChange(open ? name : undefined)
  })
  const onFault = () => {
    toast(messages.partMissing)
    onDialogChange(undefined)
    setOpened(new Set())
    setFaults(faults + 1)
  }
  return (
    <FaultBoundary key={faults} fallback={null} onFault={onFault}>
      <Suspense fallback={null}>
        {opened.has("newThread") && <newThreadPart.Part {...frame("newThread")} onThreadCreated={onThreadCreated} />}
        {opened.has("key") && <keyPart.Part {...frame("key")} secret={secret} onKeyRemoved={onKeyRemoved} />}
        {opened.has("shortcuts") && <shortcutsPart.Part {...frame("shortcuts")} />}
        {opened.has("settings") && <settingsPart.Part {...frame("settings")} />}
        {opened.has("palette") && (
          <palettePart.Part {...frame("palette")} onDialog={onDialogChange} threads={threads} hasThread={hasThread} />
        )}
      </Suspense>
    </FaultBoundary>
  )
}
