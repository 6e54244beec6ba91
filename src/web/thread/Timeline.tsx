/**
 * The rows of a thread, oldest first. Only those near the viewport are in the document; it opens at its end, and stays there
 * while it grows, unless its reader has scrolled up.
 */
import { useVirtualizer, type VirtualItem, type Virtualizer } from "@tanstack/react-virtual"
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { PlainState } from "../../domain/thread/ThreadModel.ts"
import { InvitationCard } from "../approval/InvitationCard.tsx"
import { SubmissionCard } from "../approval/SubmissionCard.tsx"
import { RunCard } from "../chorus/RunCard.tsx"
import { useFocusGroup } from "../design/useFocusGroup.ts"
import { whenIdle } from "../design/whenIdle.ts"
import { useMessages } from "../language/Language.ts"
import { messageElementId } from "../language/people.ts"
import { ShowMessageProvider, useThreadTopic, useThreadView } from "../topic/ThreadTopic.ts"
import { Announcer } from "./Announcer.tsx"
import { DayLine } from "./DayLine.tsx"
import { EmptyThread } from "./EmptyThread.tsx"
import { MessageRow } from "./MessageRow.tsx"
import { NewBelow } from "./NewBelow.tsx"
import { threadPageMessages } from "./ThreadPageMessages.ts"
import style from "./Timeline.module.css"
import { timelineFocus } from "./timelineFocus.ts"
import { type TimelineItem, timelineItems } from "./TimelineItems.ts"
import { TypingLine } from "./TypingLine.tsx"
import { usePrinting } from "./usePrinting.ts"

/** CSS pixels from the end within which the timeline stays at it. */
const endDistance = 80

/** Where a reader was when the thread was left; the sizes of the rows that were measured then. */
interface ScrollPosition {
  readonly offset: number
  readonly rows: Array<VirtualItem>
}

/** By thread, for as long as the page; one that was left at its end has none. */
const scrollPositions = new Map<TopicId, ScrollPosition>()

/** Rows beyond each end of the viewport that are in the document: few until the first ones are shown. */
const overscan = { first: 1, later: 8 }

type Rows = Virtualizer<HTMLDivElement, HTMLDivElement>

/** A rough height in CSS pixels, until the row is measured. */
const estimateHeight = (item: TimelineItem): number => {
  switch (item._tag) {
    case "Message":
      return Math.min(400, 36 + 24 * Math.ceil(item.message.content.length / 70))
    case "Submission":
    case "Invitation":
      return 240
    case "Run":
      return 360
  }
}

const useItems = (): ReadonlyArray<TimelineItem> => {
  const state = useThreadView((view): PlainState => view.state)
  const optimistic = useThreadView((view) => view.optimisticCommands)
  return useMemo(
    () => state === undefined ? [] : timelineItems(state, optimistic ?? []),
    [state?.gates, state?.messages, state?.runs, state?.submissions, optimistic]
  )
}

const useRows = (
  items: ReadonlyArray<TimelineItem>,
  scroller: { readonly current: HTMLDivElement | null },
  initial: ScrollPosition | undefined
): Rows => {
  const [isShown, setShown] = useState(false)
  useEffect(() => whenIdle(() => setShown(true)), [])
  return useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: items.length,
    getScrollElement: () => scroller.current,
    // With another function the place of each row is computed anew.
    estimateSize: useCallback((index) => estimateHeight(items[index]!), [items]),
    getItemKey: useCallback((index) => items[index]!.id, [items]),
    overscan: isShown ? overscan.later : overscan.first,
    paddingEnd: 24,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: endDistance,
    // Past the end, which the browser takes as the end: rows at the beginning would be rendered for nothing.
    ...(initial === undefined
      ? { initialOffset: Number.MAX_SAFE_INTEGER }
      : { initialOffset: initial.offset, initialMeasurementsCache: initial.rows })
  })
}

interface End {
  readonly isAtEnd: boolean
  /** To be called when the timeline is scrolled. */
  readonly onScroll: () => void
  /** To be called before the timeline is scrolled to another place. */
  readonly leave: () => void
}

/**
 * Whether the reader is at the end. Only scrolling up leaves it: when rows are measured, or the timeline becomes lower because
 * the composer grows, the timeline goes there again.
 */
const useEnd = (
  rows: Rows,
  scroller: { readonly current: HTMLDivElement | null },
  initial: ScrollPosition | undefined
): End => {
  const { id } = useThreadTopic()
  const startsAtEnd = initial === undefined
  const [isAtEnd, setAtEnd] = useState(startsAtEnd)
  const place = useRef({ isAtEnd: startsAtEnd, top: 0, height: 0, viewHeight: 0 })
  const tried = useRef({ height: 0, viewHeight: 0 })
  const stay = useCallback(() => {
    if (scroller.current === null || !place.current.isAtEnd) return
    const { clientHeight, scrollHeight, scrollTop } = scroller.current
    // Once for each height: where fractions of pixels keep the end away, trying again would never end.
    const isTried = tried.current.height === scrollHeight && tried.current.viewHeight === clientHeight
    if (isTried || scrollHeight - clientHeight - scrollTop <= 1) return
    tried.current = { height: scrollHeight, viewHeight: clientHeight }
    rows.scrollToEnd()
  }, [rows, scroller])
  const leave = useCallback(() => {
    place.current.isAtEnd = false
  }, [])
  const onScroll = useCallback(() => {
    if (scroller.current === null) return
    const { clientHeight, scrollHeight, scrollTop } = scroller.current
    const { height, isAtEnd, top, viewHeight } = place.current
    const isByReader = height === scrollHeight && viewHeight === clientHeight && scrollTop < top
    const distance = scrollHeight - clientHeight - scrollTop
    const isNowAtEnd = distance <= 1 || !isByReader && (isAtEnd || distance <= endDistance)
    place.current = { isAtEnd: isNowAtEnd, top: scrollTop, height: scrollHeight, viewHeight: clientHeight }
    setAtEnd(isNowAtEnd || distance <= endDistance)
  }, [scroller])
  useLayoutEffect(stay)
  useLayoutEffect(() => () => {
    if (place.current.isAtEnd) scrollPositions.delete(id)
    else scrollPositions.set(id, { offset: place.current.top, rows: rows.takeSnapshot() })
  }, [id, rows])
  useEffect(() => {
    if (scroller.current === null) return undefined
    const observer = new ResizeObserver(stay)
    observer.observe(scroller.current)
    return () => observer.disconnect()
  }, [stay, scroller])
  return { isAtEnd, onScroll, leave }
}

/** Frames in which the row of a message is waited for after the timeline was scrolled to it. */
const maxFrames = 60

const focusMessage = (id: string, framesLeft = maxFrames): void => {
  const element = document.getElementById(messageElementId(id))
  if (element !== null) element.focus({ preventScroll: true })
  else if (framesLeft > 0) requestAnimationFrame(() => focusMessage(id, framesLeft - 1))
}

interface Props {
  /** Changes when the user has sent something: the timeline goes to its end. */
  readonly sentCount: number
  /** The message that the address names. */
  readonly target: string | undefined
  /** Called if there is no such message. */
  readonly onTargetMissing: () => void
}

/** The timeline of the open thread. */
export const Timeline = ({ onTargetMissing, sentCount, target }: Props): ReactNode => {
  const messages = useMessages(threadPageMessages)
  const items = useItems()
  const scroller = useRef<HTMLDivElement>(null)
  const { id } = useThreadTopic()
  const [initial] = useState(() => scrollPositions.get(id))
  const rows = useRows(items, scroller, initial)
  const { isAtEnd, leave, onScroll } = useEnd(rows, scroller, initial)
  const isPrinting = usePrinting()
  useFocusGroup(scroller, timelineFocus)

  const newest = useRef(items)
  useLayoutEffect(() => {
    newest.current = items
  }, [items])
  const showMessage = useCallback((id: string): boolean => {
    const index = newest.current.findIndex((item) => item.id === id)
    if (index < 0) return false
    leave()
    rows.scrollToIndex(index, { align: "center" })
    focusMessage(id)
    return true
  }, [rows, leave])
  useEffect(() => {
    if (target !== undefined && !showMessage(target)) onTargetMissing()
  }, [target, showMessage, onTargetMissing])
  useLayoutEffect(() => {
    if (sentCount > 0) rows.scrollToEnd()
  }, [sentCount, rows])

  return (
    <ShowMessageProvider value={showMessage}>
      <div className={style.area}>
        {/* Rows come and go with scrolling, so the log itself is silent: `Announcer` reads what is new. */}
        <div
          ref={scroller}
          className={style.scroller}
          role="log"
          aria-live="off"
          aria-label={messages.conversation}
          tabIndex={0}
          onScroll={onScroll}
        >
          {items.length === 0 && <EmptyThread />}
          {isPrinting
            ? <div className={style.flow}>{items.map((item) => <Row key={item.id} item={item} />)}</div>
            : (
              <div className={style.flow} style={{ height: rows.getTotalSize() }}>
                {rows.getVirtualItems().map(({ index, key, start }) => (
                  <div
                    key={key}
                    ref={rows.measureElement}
                    data-index={index}
                    className={style.place}
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    <Row item={items[index]!} />
                  </div>
                ))}
              </div>
            )}
        </div>
        <div className={style.below}>
          <NewBelow items={items} isAtEnd={isAtEnd} onOpen={() => rows.scrollToEnd({ behavior: "auto" })} />
          <TypingLine />
        </div>
        <Announcer items={items} />
      </div>
    </ShowMessageProvider>
  )
}

/** A row with the space above it: the boundary between authors is always the larger gap. */
const Row = ({ item }: { readonly item: TimelineItem }): ReactNode => (
  <div className={style.row} data-kind={item._tag} data-continuation={item.isContinuation || undefined}>
    {item.startsDay && <DayLine at={item.at} />}
    <RowContent item={item} />
  </div>
)

const RowContent = ({ item }: { readonly item: TimelineItem }): ReactNode => {
  switch (item._tag) {
    case "Message":
      return <MessageRow message={item.message} isContinuation={item.isContinuation} isPending={item.isPending} />
    case "Submission":
      return <SubmissionCard submission={item.submission} />
    case "Invitation":
      return <InvitationCard invitation={item.invitation} />
    case "Run":
      return <RunCard run={item.run} />
  }
}
