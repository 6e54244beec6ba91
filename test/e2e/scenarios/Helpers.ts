/** Helpers that the scenarios share. */

/** Option for effects that all run at once. */
export const unbounded = { concurrency: "unbounded" } as const
/** `0` to `n - 1`. */
export const indices = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
/** `from` to `to`, both included. */
export const range = (from: number, to: number): ReadonlyArray<number> => indices(to - from + 1).map((i) => from + i)
/** The seqs of events. */
export const seqsOf = (all: ReadonlyArray<{ readonly seq: number }>) => all.map(({ seq }) => seq)
/** The code of an error message. */
export const errorCode = (message: { readonly payload: Readonly<Record<string, unknown>> }) => message.payload["code"]
