/** CPU time and memory of a process, from `/proc` on Linux. */
import { readdirSync, readFileSync } from "node:fs"

/** CPU time of all threads, in nanoseconds (`schedstat`). */
export const cpuNanos = (pid: number): number => {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ", 1)[0])
  }
  return sum
}

/** CPU time in user and kernel mode, in clock ticks of 10 ms. */
export const cpuTicks = (pid: number): { readonly user: number; readonly system: number } => {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ")
  return { user: Number(fields[11]), system: Number(fields[12]) }
}

/** Resident memory, in bytes. */
export const rssBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1024
