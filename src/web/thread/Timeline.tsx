/** The messages, submissions, invitations and runs of a thread, oldest first. */
import type { ReactNode } from "react"
import type { PlainRun } from "../../domain/chorus/ChorusModel.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { PendingApproval, PlainMessage, PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { InvitationCard } from "../approval/InvitationCard.tsx"
import { SubmissionCard } from "../approval/SubmissionCard.tsx"
import { RunCard } from "../chorus/RunCard.tsx"
import { useErase } from "../erasing/EraseText.tsx"
import { messageElementId, shortKey } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { LineText } from "../text/LineText.tsx"
import { Markdown } from "../text/Markdown.tsx"
import type { ThreadTopic, ThreadView } from "../topic/hooks.ts"

type TimelineItem =
  & { readonly at: number; readonly id: string }
  & (
    | { readonly _tag: "Message"; readonly message: PlainMessage }
    | { readonly _tag: "Submission"; readonly submission: PlainSubmission }
    | { readonly _tag: "Invitation"; readonly invitation: PendingApproval }
    | { readonly _tag: "Run"; readonly run: PlainRun }
  )

/** Milliseconds within which consecutive messages of one author share a byline. */
const groupingWindow = 5 * 60_000

/** Items by time; unconfirmed ones last, since the local clock does not determine their place in the log. */
const timelineItems = (
  { gates, messages, runs, submissions }: ThreadView["state"],
  pending: ReadonlySet<string>
): ReadonlyArray<TimelineItem> =>
  [
    ...messages.map((message): TimelineItem => ({ _tag: "Message", at: message.at, id: message.id, message })),
    // An approved submission is shown as its message.
    ...submissions.filter((submission) => submission.status !== "approved").map((submission): TimelineItem => ({
      _tag: "Submission",
      at: submission.submitted_at,
      id: submission.id,
      submission
    })),
    ...gates.map((gate): TimelineItem => ({
      _tag: "Invitation",
      at: gate.opened_at,
      id: gate.id,
      invitation: gate
    })),
    ...runs.map((run): TimelineItem => ({ _tag: "Run", at: run.asked_at, id: run.prompt_id, run }))
  ].toSorted((a, b) => Number(pending.has(a.id)) - Number(pending.has(b.id)) || a.at - b.at)

/** The timeline of a thread. */
export const Timeline = ({ me, topic, view }: {
  readonly topic: ThreadTopic
  readonly view: ThreadView
  readonly me: UserId
}): ReactNode => {
  const pending = new Set<string>(view.optimisticCommands)
  const items = timelineItems(view.state, pending)
  if (items.length === 0) return <p className="muted empty-timeline">No messages yet.</p>
  return (
    <ol className="timeline" aria-label="Conversation">
      {items.map((item, index) => {
        switch (item._tag) {
          case "Message": {
            const previous = items[index - 1]
            const isContinuation = previous?._tag === "Message" && previous.message.author === item.message.author &&
              previous.message.owner === item.message.owner &&
              item.at - previous.at < groupingWindow
            return (
              <MessageItem
                key={item.id}
                topic={topic}
                message={item.message}
                isContinuation={isContinuation}
                isPending={pending.has(item.id)}
                me={me}
              />
            )
          }
          case "Submission":
            return (
              <li key={item.id}>
                <SubmissionCard submission={item.submission} />
              </li>
            )
          case "Invitation":
            return (
              <li key={item.id}>
                <InvitationCard invitation={item.invitation} />
              </li>
            )
          case "Run":
            return (
              <li key={item.id}>
                <RunCard run={item.run} />
              </li>
            )
        }
      })}
    </ol>
  )
}

/** Who let the author of an approved message join. */
const approvalTag = ({ approvals, status }: PlainMessage): string | undefined =>
  status === "approved" ? ["joined by approval", ...approvals.map(shortKey)].join(" · ") : undefined

const MessageItem = ({ isContinuation, me, message, isPending, topic }: {
  readonly topic: ThreadTopic
  readonly message: PlainMessage
  readonly isContinuation: boolean
  readonly isPending: boolean
  readonly me: UserId
}): ReactNode => {
  const { author, content, owner, seq } = message
  const { button, question } = useErase({ topic, me, item: { seq, author, owner, text: content, noun: "message" } })
  const eraseButton = isPending ? null : button
  return (
    <li
      className={`message${isContinuation ? " grouped" : ""}${isPending ? " pending" : ""}`}
      id={messageElementId(message.id)}
      tabIndex={-1}
    >
      {isContinuation ?
        eraseButton :
        (
          <AuthorLine author={author} owner={owner} me={me} tag={approvalTag(message)} at={message.at}>
            {eraseButton}
          </AuthorLine>
        )}
      {message.source !== null && (
        <p className="source">
          <LineText text={message.source} />
        </p>
      )}
      <Markdown text={content} />
      {isPending && <span className="pending-label">Sending…</span>}
      {question}
    </li>
  )
}
