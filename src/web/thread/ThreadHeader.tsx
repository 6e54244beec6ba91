/** The head of a thread: its title, who may read it, who is here, and what one can do with the whole of it. */
import { type ReactNode, useState } from "react"
import { isCoAuthor } from "../../domain/thread/ThreadGuards.ts"
import { useClient } from "../../react/ClientContext.ts"
import { Button } from "../design/Button.tsx"
import { ConfirmDialog } from "../design/ConfirmDialog.tsx"
import { Icon } from "../design/Icon.tsx"
import { IconButton } from "../design/IconButton.tsx"
import { Menu } from "../design/Menu.tsx"
import { Toolbar } from "../design/Toolbar.tsx"
import { useCopy } from "../design/useCopy.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { Avatar } from "../people/Avatar.tsx"
import { peopleMessages } from "../people/PeopleMessages.ts"
import { LineText } from "../text/LineText.tsx"
import { threadLink } from "../topic/Route.ts"
import { useThreadRequest } from "../topic/ThreadRequests.ts"
import { useThreadCommand, useThreadFacts, useThreadTopic, useThreadView } from "../topic/ThreadTopic.ts"
import { PeopleDialog } from "./PeopleDialog.tsx"
import style from "./ThreadHeader.module.css"
import { threadPageMessages } from "./ThreadPageMessages.ts"

/** At most so many faces; all are in the dialog of people. */
const maxFaces = 4

/** The header; it holds the page's only `h1`. */
export const ThreadHeader = (): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const [isPeopleOpen, setPeopleOpen] = useState(false)
  const title = useThreadFacts()?.title ?? ""
  useThreadRequest("people", () => setPeopleOpen(true))
  return (
    <header className={style.header}>
      <a className={style.back} href="#" aria-label={messages.allThreads}>
        <Icon name="left" size="l" />
      </a>
      <div className={style.text}>
        <h1 className={style.title} dir="auto">
          <LineText text={title} />
        </h1>
        <Facts />
      </div>
      <Toolbar className={style.tools} label={messages.tools}>
        <Faces onOpen={() => setPeopleOpen(true)} />
        <Button className={style.invite} icon="invite" onClick={() => setPeopleOpen(true)}>{messages.people}</Button>
        <ThreadMenu onPeople={() => setPeopleOpen(true)} />
      </Toolbar>
      {isPeopleOpen && <PeopleDialog onClose={() => setPeopleOpen(false)} />}
    </header>
  )
}

const Facts = (): ReactNode => {
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const facts = useThreadFacts()
  const balance = useThreadView(({ state }) => state.token_balance) ?? 0
  if (facts === undefined) return null
  const { co_authors: { length: count }, isClosed, visibility } = facts
  const isPublic = visibility === "public"
  return (
    <p className={style.facts}>
      <span>
        <Icon name={isPublic ? "globe" : "lock"} size="s" />
        {isPublic ? messages.isPublic : messages.isPrivate}
      </span>
      <span>{messages.coAuthors(format.number(count), count === 1)}</span>
      {balance > 0 && <span>{messages.balance(format.tokens(balance))}</span>}
      {isClosed && <span>{messages.closed}</span>}
    </p>
  )
}

/** Who has the thread open. */
const Faces = ({ onOpen }: { readonly onOpen: () => void }): ReactNode => {
  const format = useFormat()
  const messages = useMessages(threadPageMessages)
  const { me } = useClient()
  const { you } = useMessages(peopleMessages)
  const users = useThreadView(({ presence }) => [...new Set(presence.map(({ user }) => user))]) ?? []
  if (users.length === 0) return null
  return (
    <button
      type="button"
      className={style.faces}
      aria-label={messages.here(format.list(users.map((user) => user === me ? you : shortKey(user))))}
      onClick={onOpen}
    >
      {users.slice(0, maxFaces).map((user) => <Avatar key={user} author={user} size="s" />)}
      {users.length > maxFaces && <span>+{format.number(users.length - maxFaces)}</span>}
    </button>
  )
}

/** How a co-author goes: the last one can only close the thread (THR7). */
const exits = {
  leave: {
    icon: "x",
    command: { _tag: "divest" },
    label: "leave",
    title: "leaveTitle",
    effect: "leaveEffect",
    cancel: "stay"
  },
  close: {
    icon: "lock",
    command: { _tag: "close_thread" },
    label: "close",
    title: "closeTitle",
    effect: "closeEffect",
    cancel: "keepOpen"
  }
} as const

const ThreadMenu = ({ onPeople }: { readonly onPeople: () => void }): ReactNode => {
  const { me } = useClient()
  const topic = useThreadTopic()
  const copy = useCopy()
  const messages = useMessages(threadPageMessages)
  const [isAsking, setAsking] = useState(false)
  // Kept while it is asked: who agreed to leave does not close the thread because another one has left meanwhile.
  const [asked, setAsked] = useState<keyof typeof exits>("leave")
  const [send, errorMessage] = useThreadCommand()
  const mayLeave = useThreadView(({ state }) => state.status === "active" && isCoAuthor(state, me)) ?? false
  const isLast = useThreadView(({ state }) => state.co_authors.length === 1) ?? false
  const link = threadLink(topic.id)
  const possible = isLast ? "close" : "leave"
  const ask = () => {
    setAsked(possible)
    setAsking(true)
  }
  const exit = exits[asked]
  return (
    <>
      <Menu
        label={messages.more}
        trigger={<IconButton icon="more" label={messages.more} />}
        items={[
          { label: messages.people, icon: "person", onSelect: onPeople },
          {
            label: messages.copyLink,
            icon: "link",
            onSelect: () => copy(link, messages.linkCopied, messages.notCopied)
          },
          ...(mayLeave
            ? [{ label: messages[possible], icon: exits[possible].icon, danger: true, onSelect: ask }]
            : [])
        ]}
      />
      <ConfirmDialog
        open={isAsking}
        onOpenChange={setAsking}
        title={messages[exit.title]}
        confirmLabel={messages[exit.label]}
        cancelLabel={messages[exit.cancel]}
        danger
        onConfirm={() => void send(exit.command)}
      >
        {messages[exit.effect]}
      </ConfirmDialog>
      {errorMessage !== undefined && <p className={style.error} role="alert">{errorMessage}</p>}
    </>
  )
}
