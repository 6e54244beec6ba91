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

/** Milliseconds of CPU of each task of the threads that run pages. */
const taskTimes = (trace: Buffer): ReadonlyArray<number> => {
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: ReadonlyArray<TraceEvent> }
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const pages = new Set(
    traceEvents.filter(({ args, name }) => name === "thread_name" && args?.name === "CrRendererMain").map(threadOf)
  )
  return traceEvents.flatMap((event) =>
    event.name === "ThreadControllerImpl::RunTask" && event.tdur !== undefined && pages.has(threadOf(event))
      ? [event.tdur / 1000]
      : []
  )
}

/** Runs a part, and returns the times of the page's tasks beside its result. */
export const traced = Effect.fnUntraced(function*<A>(page: Page, part: Effect.Effect<A>) {
  const browser = page.context().browser()!
  yield* fromPromise(() => browser.startTracing(page, { categories: ["toplevel"] }))
  const result = yield* part
  return [result, taskTimes(yield* fromPromise(() => browser.stopTracing()))] as const
})
