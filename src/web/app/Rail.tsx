/** The list of threads with what stands around it: the name of the page, a new thread, the user's key. */
import type { ReactNode, RefObject } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../domain/protocol/Protocol.ts"
import { useClient } from "../../react/ClientContext.ts"
import { IconButton } from "../design/IconButton.tsx"
import { Menu } from "../design/Menu.tsx"
import { Toolbar } from "../design/Toolbar.tsx"
import { KeyRow } from "../identity/KeyRow.tsx"
import { useMessages } from "../language/Language.ts"
import { ThreadList } from "../threads/ThreadList.tsx"
import { threadListMessages } from "../threads/ThreadListMessages.ts"
import { appMessages } from "./AppMessages.ts"
import { NewKeyNotice } from "./NewKeyNotice.tsx"
import type { DialogName } from "./PaletteItems.ts"
import { watchPart } from "./parts.ts"
import style from "./Rail.module.css"

interface Props {
  readonly threads: ReadonlyArray<ThreadSummary> | undefined
  readonly open: TopicId | undefined
  /** Whether the list is the whole page: on a narrow screen without an open thread. */
  readonly isPage: boolean
  /** The secret of a new key that is not confirmed as saved. */
  readonly unsavedSecret: string | undefined
  readonly onKeySaved: () => void
  readonly onDialog: (dialog: DialogName) => void
  readonly searchField: RefObject<HTMLInputElement | null>
}

/** The column; a page with a heading of its own where nothing stands beside it. */
export const Rail = (
  { isPage, onDialog, onKeySaved, open, searchField, threads, unsavedSecret }: Props
): ReactNode => {
  const client = useClient()
  const messages = useMessages(threadListMessages)
  const readAhead = (thread: TopicId) =>
    void watchPart.preload().then(({ watchBriefly }) => watchBriefly(client, thread), () => {})
  const Name = isPage ? "h1" : "div"
  return (
    <div
      className={style.rail}
      role={isPage ? "main" : "complementary"}
      aria-label={messages.rail}
      data-open={open !== undefined || undefined}
      tabIndex={-1}
    >
      <ThreadList threads={threads} me={client.me} open={open} searchField={searchField} onPress={readAhead}>
        <div className={style.top}>
          <Name className={style.name}>
            <a className={style.brand} href="#" aria-label={messages.home}>
              <img src="/favicon.svg" alt="" width="24" height="24" />
              Choir
            </a>
          </Name>
          <IconButton icon="plus" label={messages.newThread} onClick={() => onDialog("newThread")} />
        </div>
      </ThreadList>
      {unsavedSecret !== undefined && <NewKeyNotice secret={unsavedSecret} onDone={onKeySaved} />}
      <Toolbar className={style.foot} label={messages.foot}>
        <KeyRow onOpen={() => onDialog("key")} />
        <MoreMenu onDialog={onDialog} />
      </Toolbar>
    </div>
  )
}

const MoreMenu = ({ onDialog }: { readonly onDialog: (dialog: DialogName) => void }): ReactNode => {
  const messages = useMessages(appMessages)
  return (
    <Menu
      label={messages.menu}
      trigger={<IconButton icon="more" label={messages.menu} />}
      items={[
        { label: messages.settings, icon: "settings", onSelect: () => onDialog("settings") },
        { label: messages.shortcuts, icon: "help", onSelect: () => onDialog("shortcuts") },
        { label: messages.yourKey, icon: "key", onSelect: () => onDialog("key") }
      ]}
    />
  )
}
