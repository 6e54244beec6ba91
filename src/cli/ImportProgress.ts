/** How far an import is, and whether the server's rate limit makes it wait. */
import { Clock, Effect, Schedule } from "effect"
import type { Client } from "../client/Client.ts"
import { isTerminal, write, writeOver } from "./Output.ts"
import { count } from "./TerminalText.ts"

/** Chunks that were sent, of all; none before the thread is there. */
export interface Progress {
  readonly sent: number
  readonly total: number
}

const barWidth = 30

/** A bar for a terminal; `wait` is how many seconds the server takes nothing. */
export const formatBar = ({ sent, total }: Progress, wait: number): string => {
  const filled = Math.round(sent / Math.max(1, total) * barWidth)
  const bar = `[${"#".repeat(filled)}${"·".repeat(barWidth - filled)}] ${sent} of ${total}`
  return wait > 0 ? `${bar}, the server takes more in ${count(wait, "second")}` : bar
}

/** For how many seconds from `now` on the client sends nothing, since the server takes no more. */
export const waitingSeconds = (
  { sendWindows }: Pick<ReturnType<Client["state"]>, "sendWindows">,
  now: number
): number => Math.max(0, ...[...sendWindows.values()].map(({ notBefore }) => Math.ceil((notBefore - now) / 1000)))

/** Shows the progress: a bar at a terminal, which is drawn again while there is a wait; elsewhere lines. */
export const makeProgress = Effect.fnUntraced(function*(client: Client) {
  const terminal = yield* isTerminal
  let progress: Progress = { sent: 0, total: 0 }
  let announced = 0
  const showWait = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const wait = waitingSeconds(client.state(), now)
    if (wait < 2 || progress.sent === progress.total && progress.total > 0) return
    if (terminal) return yield* writeOver(formatBar(progress, wait), false)
    // Once for each wait.
    if (now < announced) return
    announced = now + wait * 1000
    yield* write(`The server takes more in ${count(wait, "second")}.\n`)
  })
  yield* Effect.forkScoped(Effect.repeat(showWait, Schedule.spaced("1 second")))
  return (next: Progress) => {
    progress = next
    if (terminal) return writeOver(formatBar(next, 0), next.sent === next.total)
    return next.sent === 0 ? Effect.void : write(`${next.sent} of ${next.total}\n`)
  }
})
