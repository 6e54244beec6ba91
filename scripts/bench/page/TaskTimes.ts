/** How long the page's thread computed for each of its tasks: unlike wall time, it does not depend on what else runs. */
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { fromPromise } from "../../../test/support/Browser.ts"

/** As much of an event of a trace as is read. Times are in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`

/** Milliseconds of CPU of each task of the threads that run pages. */
const taskTimes = (events: ReadonlyArray<TraceEvent>): ReadonlyArray<number> => {
  const pages = new Set(
    events.filter(({ args, name }) => name === "thread_name" && args?.name === "CrRendererMain").map(threadOf)
  )
  return events.flatMap((event) =>
    event.name === "ThreadControllerImpl::RunTask" && event.tdur !== undefined && pages.has(threadOf(event))
      ? [event.tdur / 1000]
      : []
  )
}

/** Runs a part, and returns the times of the page's tasks beside its result. */
export const traced = Effect.fnUntraced(function*<A>(page: Page, part: Effect.Effect<A>) {
  const devtools = yield* fromPromise(() => page.context().browser()!.newBrowserCDPSession())
  const events: Array<TraceEvent> = []
  devtools.on(
    "Tracing.dataCollected",
    ({ value }) => void events.push(...value as ReadonlyArray<object> as ReadonlyArray<TraceEvent>)
  )
  yield* fromPromise(() =>
    // The default keeps only as many events as fill a buffer, which a minute has more of.
    devtools.send("Tracing.start", {
      traceConfig: { recordMode: "recordAsMuchAsPossible", includedCategories: ["toplevel"], excludedCategories: ["*"] }
    })
  )
  const result = yield* part
  yield* Effect.callback<void>((resume) => {
    devtools.once(
      "Tracing.tracingComplete",
      ({ dataLossOccurred }) => resume(dataLossOccurred ? Effect.die("The trace is incomplete.") : Effect.void)
    )
    void devtools.send("Tracing.end")
  })
  yield* fromPromise(() => devtools.detach())
  return [result, taskTimes(events)] as const
})
