/** The text of a Chorus step while it is being written (CHO5), so that a late subscriber gets it from its beginning. */
import type { ServerMessageOf } from "../protocol/Protocol.ts"

/** Text of one step from `offset`, in UTF-16 units. */
export type RunningText = Omit<ServerMessageOf<"chorus_response">, "_tag">

/** CHO5: the text so far with the next chunk. A chunk of another step, loop or attempt starts a new text. */
export const append = (text: RunningText | undefined, chunk: RunningText): RunningText =>
  text !== undefined && text.loop === chunk.loop && text.step === chunk.step && text.attempt === chunk.attempt &&
    text.text.length === chunk.offset
    ? { ...text, text: text.text + chunk.text }
    : chunk
