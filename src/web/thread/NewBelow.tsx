/** What has arrived below while its reader was further up. */
import { type ReactNode, useState } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import style from "./NewBelow.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import { authorOf, type TimelineItem } from "./TimelineItems.ts"

interface Props {
  readonly items: ReadonlyArray<TimelineItem>
  readonly isAtEnd: boolean
  readonly onOpen: () => void
}

/** The button to the end: with how many rows are new there, and of whom. Nothing at the end. */
export const NewBelow = ({ isAtEnd, items, onOpen }: Props): ReactNode => {
  const { me } = useClient()
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const [lastSeen, setLastSeen] = useState<string>()
  const newest = items.at(-1)?.id
  if ((isAtEnd || lastSeen === undefined) && lastSeen !== newest) setLastSeen(newest)
  if (isAtEnd) return null
  const seen = items.findIndex(({ id }) => id === lastSeen)
  const added = items.slice(seen + 1).filter((item) => authorOf(item) !== me)
  const names = [...new Set(added.map((item) => shortKey(authorOf(item))))]
  return (
    <Button className={style.button} variant={added.length > 0 ? "go" : "plain"} icon="down" onClick={onOpen}>
      {added.length > 0 ? messages.newBelow(format.number(added.length), format.list(names)) : messages.toEnd}
    </Button>
  )
}
