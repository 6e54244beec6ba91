/** The banner about a lost or closed connection. */
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react"
import { useClient } from "../../react/ClientContext.ts"
import { useClientState } from "../../react/useClientState.ts"
import { Button } from "../design/Button.tsx"
import { Icon } from "../design/Icon.tsx"
import { useFormat, useMessages } from "../language/Language.ts"
import { formatError } from "../language/people.ts"
import { appMessages } from "./AppMessages.ts"
import style from "./ConnectionStatus.module.css"
import { retrySaved } from "./retrySaved.ts"

/** Milliseconds that a connection may be lost without a word: most losses are shorter. */
const lossNoticeDelay = 4_000

/** Since when the browser has no network; undefined while it has one. It knows before any answer is missed. */
const useOfflineSince = (): number | undefined => {
  const [since, setSince] = useState(() => navigator.onLine ? undefined : Date.now())
  useEffect(() => {
    const setOnline = () => setSince(undefined)
    const setOffline = () => setSince((since) => since ?? Date.now())
    addEventListener("online", setOnline)
    addEventListener("offline", setOffline)
    return () => {
      removeEventListener("online", setOnline)
      removeEventListener("offline", setOffline)
    }
  }, [])
  return since
}

/** `since`, once that is `delay` milliseconds ago. */
const useElapsed = (since: number | undefined, delay: number): number | undefined => {
  const [elapsed, setElapsed] = useState<number>()
  useEffect(() => {
    if (since === undefined) return undefined
    const timer = setTimeout(() => setElapsed(since), since + delay - Date.now())
    return () => clearTimeout(timer)
  }, [since, delay])
  return elapsed === since ? since : undefined
}

/** Scrolls the open thread by as much as the banner moves it, so that what one reads stays where it is. */
const useStillText = (isShown: boolean) => {
  const banner = useRef<HTMLDivElement>(null)
  const height = useRef(0)
  useLayoutEffect(() => {
    const next = banner.current?.offsetHeight ?? 0
    const log = document.querySelector("main [role=log]")
    if (log !== null) log.scrollTop += next - height.current
    height.current = next
  }, [isShown])
  return banner
}

/** The banner, in a row of its own; empty while the connection is online, or lost for a short time only. */
export const ConnectionStatus = (): ReactNode => {
  const client = useClient()
  const messages = useMessages(appMessages)
  const format = useFormat()
  const [openedAt] = useState(() => Date.now())
  const closedReason = useClientState(({ connection }) =>
    connection._tag === "Disconnected" ? connection.reason?.message : undefined
  )
  const isWaiting = useClientState(({ connection }) => connection._tag === "Reconnecting")
  const lostAt = useClientState(({ connection, lostAt }) =>
    connection._tag === "Online" ? undefined : lostAt ?? openedAt
  )
  const lostSince = useElapsed(lostAt, lossNoticeDelay)
  const offlineSince = useOfflineSince()
  const since = offlineSince ?? lostSince
  const banner = useStillText(closedReason !== undefined || since !== undefined)
  return (
    <div className={style.place} ref={banner} role="status">
      {closedReason !== undefined
        ? (
          <p className={style.banner}>
            <Icon name="alert" />
            <span>{formatError(closedReason)}</span>
            <Button
              icon="again"
              onClick={() => {
                client.start()
                retrySaved(client)
              }}
            >
              {messages.reconnect}
            </Button>
          </p>
        )
        : since !== undefined && (
          <p className={style.banner}>
            <Icon name="clock" />
            <span>{messages.noConnection(format.timeOfDay(since))}</span>
            {isWaiting && <Button icon="again" onClick={client.start}>{messages.retry}</Button>}
          </p>
        )}
    </div>
  )
}
