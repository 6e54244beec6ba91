/**
 * How many TCP connections may be open, before a byte of theirs was read: WebSockets, event streams, requests and silent
 * ones alike (SEC24).
 */
import type { Limits } from "../protocol/Limits.ts"

/** File descriptors kept for files, and for connections to other services. */
export const reservedFiles = 128

/** SEC24: the most TCP connections of one address. A browser needs some beside its WebSocket. */
export const maxSocketsPerAddress = ({ connectionsPerAddress }: Pick<Limits, "connectionsPerAddress">): number =>
  2 * connectionsPerAddress

/** SEC24: the most TCP connections of a process that may open so many file descriptors: below what the kernel refuses. */
export const maxSockets = (openFiles: number): number => Math.max(1, openFiles - reservedFiles)

/** SEC24: the warning that far fewer connections fit than are allowed; undefined when about all fit. */
export const socketWarning = (
  openFiles: number,
  { connections }: Pick<Limits, "connections">
): string | undefined =>
  openFiles >= connections
    ? undefined
    : `this process may open ${openFiles} files, which is enough for ${maxSockets(openFiles)} connections: ` +
      `raise the limit (ulimit -n) to ${connections + reservedFiles}, or lower CHOIR_CONNECTIONS=${connections}`
