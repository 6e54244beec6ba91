/** The user, at the end of the list of threads: avatar, key and tokens. It opens the dialog about the key. */
import type { ReactNode } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Icon } from "../design/Icon.tsx"
import { VisuallyHidden } from "../design/VisuallyHidden.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { Avatar } from "../people/Avatar.tsx"
import style from "./KeyRow.module.css"
import { keyRowMessages } from "./KeyRowMessages.ts"

/** The row. */
export const KeyRow = ({ onOpen }: { readonly onOpen: () => void }): ReactNode => {
  const messages = useMessages(keyRowMessages)
  const format = useFormat()
  const { me } = useClient()
  const balance = useClientState((state) => state.init?.user.balance)
  return (
    <button
      type="button"
      className={style.row}
      title={messages.yourKey}
      aria-haspopup="dialog"
      onClick={onOpen}
    >
      <Avatar author={me} />
      <VisuallyHidden>{messages.yourKey}</VisuallyHidden> <span className={style.key}>{shortKey(me)}</span>{" "}
      {balance !== undefined && (
        <span className={style.tokens}>
          <Icon name="coin" />
          {format.number(balance)} <VisuallyHidden>{messages.tokens}</VisuallyHidden>
        </span>
      )}
    </button>
  )
}
