/** Marks in the texts of the workload, by which a text is recognised wherever it appears (CHO13). */
import { TopicId } from "../../../domain/protocol/Ids.ts"

const markStart = "[thread:"
const markPattern = /\[(thread:\w+) \d+\]/g

/** The mark of a text that is written for `topic`; `n` makes it unique. */
export const makeMark = (topic: TopicId, n: number): string => `[${topic} ${n}]`

/** The marks in a text, with the threads that they belong to. */
export type Marks = ReadonlyMap<string, TopicId>

/** Finds the marks in a text. */
export const findMarks = (text: string): Marks =>
  text.includes(markStart)
    ? new Map(Array.from(text.matchAll(markPattern), ([mark, topic]) => [mark, TopicId.make(topic ?? "")]))
    : new Map()
