/** Everything in a thread, oldest first. */
import type { ReactNode } from "react"
import type { ChorusState } from "../domain/chorus/Chorus.ts"
import type { UserId } from "../domain/Ids.ts"
import type { Message, Submission } from "../domain/kinds/ThreadModel.ts"
import type { ThreadTopic, ThreadView } from "./hooks.ts"
import { Prose } from "./Prose.tsx"
import { RunCard } from "./RunCard.tsx"
import { SubmissionCard } from "./SubmissionCard.tsx"
import { Who } from "./Who.tsx"
import { anchor, fullTime, timeOf } from "./words.ts"

type Item =
  & { readonly at: number; readonly id: string }
  & (
    | { readonly _tag: "Message"; readonly message: Message }
    | { readonly _tag: "Submission"; readonly submission: Submission }
    | { readonly _tag: "Run"; readonly run: ChorusState }
  )

/** Messages of one person within this time stand under one name. */
const together = 5 * 60_000

/** What is not confirmed yet stands last: our clock says nothing about where the log will put it. */
const items = (
  { messages, runs, submissions }: ThreadView["state"],
  pending: ReadonlySet<string>
): ReadonlyArray<Item> =>
  [
    ...messages.map((message): Item => ({ _tag: "Message", at: message.at, id: message.id, message })),
    // An approved one is a message by now.
    ...submissions.filter((one) => one.status !== "approved").map((submission): Item => ({
      _tag: "Submission",
      at: submission.submitted_at,
      id: submission.id,
      submission
    })),
    ...runs.map((run): Item => ({ _tag: "Run", at: run.asked_at, id: run.prompt_id, run }))
  ].toSorted((a, b) => Number(pending.has(a.id)) - Number(pending.has(b.id)) || a.at - b.at)

export const Timeline = ({ me, topic, view }: {
  readonly topic: ThreadTopic
  readonly view: ThreadView
  readonly me: UserId
}): ReactNode => {
  const pending = new Set<string>(view.pending)
  const all = items(view.state, pending)
  if (all.length === 0) return <p className="quiet first">Nothing has been said yet.</p>
  return (
    <ol className="timeline" aria-label="Conversation">
      {all.map((item, index) => {
        switch (item._tag) {
          case "Message": {
            const before = all[index - 1]
            const goesOn = before?._tag === "Message" && before.message.author === item.message.author &&
              item.at - before.at < together
            return <Piece key={item.id} message={item.message} goesOn={goesOn} waits={pending.has(item.id)} me={me} />
          }
          case "Submission":
            return <SubmissionCard key={item.id} topic={topic} submission={item.submission} me={me} />
          case "Run":
            return <RunCard key={item.id} topic={topic} view={view} run={item.run} me={me} />
        }
      })}
    </ol>
  )
}

const Piece = ({ goesOn, me, message, waits }: {
  readonly message: Message
  readonly goesOn: boolean
  readonly waits: boolean
  readonly me: UserId
}): ReactNode => (
  <li className={`piece${goesOn ? " on" : ""}${waits ? " waits" : ""}`} id={anchor(message.id)} tabIndex={-1}>
    {!goesOn && (
      <div className="by">
        <Who author={message.author} me={me} />
        {message.origin === "approved" && <span className="tag">joined by approval</span>}
        <time dateTime={new Date(message.at).toISOString()} title={fullTime(message.at)}>
          {timeOf(message.at, Date.now())}
        </time>
      </div>
    )}
    {message.source !== null && <p className="source">{message.source}</p>}
    <Prose text={message.content} />
    {waits && <span className="waiting">Sending…</span>}
  </li>
)
