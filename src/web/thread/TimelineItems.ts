/** The rows of a thread's timeline, as data. Pure. */
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { PendingApproval, PlainMessage, PlainState, PlainSubmission } from "../../domain/thread/ThreadModel.ts"

/** What stands in the timeline, by the time of its event; milliseconds since the epoch. */
type Entry =
  | { readonly _tag: "Message"; readonly message: PlainMessage }
  | { readonly _tag: "Submission"; readonly submission: PlainSubmission }
  | { readonly _tag: "Invitation"; readonly invitation: PendingApproval }
  | { readonly _tag: "Run"; readonly run: PlainRun }

/** A row of the timeline. */
export type TimelineItem =
  & Entry
  & {
    readonly id: string
    readonly at: number
    /** Not confirmed by the server yet. */
    readonly isPending: boolean
    /** Whether it is the first row of its day. */
    readonly startsDay: boolean
    /** A message that belongs to the row before it: same author, shortly after, or the next part of the same import. */
    readonly isContinuation: boolean
  }

/** Milliseconds within which consecutive messages of one author share a byline. */
const groupingWindow = 5 * 60_000

type Row = Entry & Pick<TimelineItem, "id" | "at" | "isPending">

const continues = (previous: Row | undefined, row: Row): boolean =>
  previous?._tag === "Message" && row._tag === "Message" &&
  previous.message.author === row.message.author && previous.message.owner === row.message.owner &&
  previous.message.source === row.message.source && row.message.status === "published" &&
  row.at - previous.at < groupingWindow

/**
 * The rows of a thread by time; unconfirmed ones last, since the local clock does not determine their place in the log.
 * Parts of the state that did not change are the same objects in the rows.
 */
export const timelineItems = (
  { gates, messages, runs, submissions }: Pick<PlainState, "gates" | "messages" | "runs" | "submissions">,
  optimisticCommands: ReadonlyArray<string>
): ReadonlyArray<TimelineItem> => {
  const pending = new Set(optimisticCommands)
  const row = (id: string, at: number, entry: Entry): Row => ({ ...entry, id, at, isPending: pending.has(id) })
  const rows = [
    ...messages.map((message) => row(message.id, message.at, { _tag: "Message", message })),
    // An approved submission is shown as its message.
    ...submissions.filter(({ status }) => status !== "approved").map((submission) =>
      row(submission.id, submission.submitted_at, { _tag: "Submission", submission })
    ),
    ...gates.map((invitation) => row(invitation.id, invitation.opened_at, { _tag: "Invitation", invitation })),
    ...runs.map((run) => row(run.prompt_id, run.asked_at, { _tag: "Run", run }))
  ].toSorted((a, b) => Number(a.isPending) - Number(b.isPending) || a.at - b.at)
  const items: Array<TimelineItem> = []
  let day = { start: 0, end: 0 }
  for (const [index, row] of rows.entries()) {
    const startsDay = row.at < day.start || row.at >= day.end
    if (startsDay) day = dayOf(row.at)
    items.push({ ...row, startsDay, isContinuation: !startsDay && continues(rows[index - 1], row) })
  }
  return items
}

/** The day of a time on this browser's calendar; `end` is the start of the next one. */
const dayOf = (at: number): { readonly start: number; readonly end: number } => {
  const date = new Date(at)
  const start = date.setHours(0, 0, 0, 0)
  return { start, end: date.setDate(date.getDate() + 1) }
}

/** Who a row is by. */
export const authorOf = (item: TimelineItem): UserId => {
  switch (item._tag) {
    case "Message":
      return item.message.author
    case "Submission":
      return item.submission.author
    case "Invitation":
      return item.invitation.by
    case "Run":
      return item.run.asker
  }
}

/** The text of a row; an invitation has none. */
export const textOf = (item: TimelineItem): string | undefined => {
  switch (item._tag) {
    case "Message":
      return item.message.content
    case "Submission":
      return item.submission.content
    case "Invitation":
      return undefined
    case "Run":
      return item.run.prompt
  }
}

/** The answer of a run that has one. */
export const answerOf = (item: TimelineItem): string | undefined => {
  const output = item._tag === "Run" ? item.run.steps.at(-1)?.output : undefined
  return output?._tag === "yield" ? output.final_response : undefined
}
