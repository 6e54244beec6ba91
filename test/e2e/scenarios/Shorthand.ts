/** Words that the scenarios share. */

export const each = { concurrency: "unbounded" } as const
export const times = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
export const numbers = (from: number, to: number): ReadonlyArray<number> => times(to - from + 1).map((i) => from + i)
export const seqs = (all: ReadonlyArray<{ readonly seq: number }>) => all.map(({ seq }) => seq)
export const code = (message: { readonly payload: Readonly<Record<string, unknown>> }) => message.payload["code"]
