/** Traces a server's system calls: reads from sockets, fsyncs and writes to sockets, in their order (FLT2). */
import { spawnSync } from "node:child_process"
import { unlimitedBudgets } from "./RoomClients.ts"

const tracedCalls = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"

/**
 * The tracer's command line, before the server's own; with `-D` the server stays our child, so that signals reach it.
 * `failingSyncs` selects the fsyncs that fail with EIO by their number per thread, in strace's notation: `20+7` is every
 * seventh from the twentieth on.
 */
export const straceArguments = (file: string, failingSyncs?: string): ReadonlyArray<string> => [
  ..."strace -D -f -y -s 512 -e signal=none -e".split(" "),
  `trace=${tracedCalls}`,
  ...failingSyncs === undefined ? [] : ["-e", `inject=fsync,fdatasync:error=EIO:when=${failingSyncs}`],
  "-o",
  file
]

/**
 * Settings of a traced server: no pings, so that every read is a command, and a thread pool of one, so that fsyncs are
 * numbered in one sequence.
 */
export const tracedServerEnv: Readonly<Record<string, string>> = {
  ...unlimitedBudgets,
  CHOIR_PING_INTERVAL: "600000",
  UV_THREADPOOL_SIZE: "1"
}

/** Why tracing is impossible here; undefined when it is possible. */
export const tracingUnavailable = (): string | undefined => {
  const { error, status, stderr } = spawnSync("strace", ["-D", "-f", "-o", "/dev/null", "true"], { encoding: "utf8" })
  if (error !== undefined) return "strace is not installed"
  return status === 0 && !/not permitted/i.test(stderr) ? undefined : "tracing is not permitted here"
}

type SystemCall =
  /** Bytes from a connection. */
  | { readonly _tag: "Read"; readonly socket: string }
  | { readonly _tag: "Synced"; readonly file: string }
  /** Text to a connection. */
  | { readonly _tag: "Write"; readonly socket: string; readonly text: string }

/** `123 read(21<TCP:…>, "…"…, 65536) = 210`; a call interrupted by another thread is resumed on a line of its own. */
const callPattern = /^\d+\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)\s= (\d+)/
const socketPattern = /^(\d+<(?:TCP|socket)[^>]*>)/

/** Parses a trace into calls, in the order of their completion. */
export const parseTrace = (trace: string): ReadonlyArray<SystemCall> => {
  const unfinished = new Map<string, string>()
  return trace.split("\n").flatMap((text): ReadonlyArray<SystemCall> => {
    const [thread = ""] = text.split(/\s/, 1)
    if (text.endsWith("<unfinished ...>")) {
      unfinished.set(thread, text.replace(/^\d+\s+\w+\(/, "").replace("<unfinished ...>", ""))
      return []
    }
    const match = callPattern.exec(text)
    if (match === null || match[3] === "0" && /^(?:read|recv)/.test(match[1]!)) return []
    const name = match[1]!
    const args = (text.includes(" resumed>") ? unfinished.get(thread) ?? "" : "") + match[2]!
    if (name.endsWith("sync")) return [{ _tag: "Synced", file: /<([^>]*)>/.exec(args)?.[1] ?? "" }]
    const socket = socketPattern.exec(args)?.[1]
    if (socket === undefined) return []
    return /^(?:read|recv)/.test(name) ? [{ _tag: "Read", socket }] : [{ _tag: "Write", socket, text: args }]
  })
}

/**
 * Ids of commands, sent one at a time on one connection, for which a frame with the id was written before an fsync of
 * the log that followed the read of the command.
 */
export const answeredBeforeSync = (
  calls: ReadonlyArray<SystemCall>,
  ids: ReadonlyArray<string>
): ReadonlyArray<string> =>
  ids.filter((id) => {
    const answer = calls.findIndex((call) => call._tag === "Write" && call.text.includes(id))
    const write = calls[answer]
    if (write?._tag !== "Write") return true
    const read = calls.findLastIndex((call, index) =>
      index < answer && call._tag === "Read" && call.socket === write.socket
    )
    const synced = calls.slice(read, answer).some((call) => call._tag === "Synced" && call.file.endsWith(".db-wal"))
    return read === -1 || !synced
  })
