/** Words that the scenarios share. */

export const unbounded = { concurrency: "unbounded" } as const
export const indices = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
export const range = (from: number, to: number): ReadonlyArray<number> => indices(to - from + 1).map((i) => from + i)
export const seqsOf = (all: ReadonlyArray<{ readonly seq: number }>) => all.map(({ seq }) => seq)
export const errorCode = (message: { readonly payload: Readonly<Record<string, unknown>> }) => message.payload["code"]
