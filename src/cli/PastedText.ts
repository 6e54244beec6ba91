/**
 * Tells pasted text from typed keys in what a terminal sends (bracketed paste: `CSI ? 2004 h`), so that a line break in it
 * is text, and does not send the line. Pure.
 */
import { stripControlCharacters } from "../domain/protocol/Text.ts"

/** Switches the marks around pasted text on, and off. */
export const marking = { on: "\u001b[?2004h", off: "\u001b[?2004l" } as const

const begin = "\u001b[200~"
const end = "\u001b[201~"

/** What came so far: the text of a paste that has not ended, and the beginning of a mark. */
export interface Received {
  readonly pasted: string | undefined
  readonly rest: string
}

/** Nothing received. */
export const initial: Received = { pasted: undefined, rest: "" }

/** Keys, or a text to insert as it is. */
export type Input = { readonly _tag: "Keys" | "Text"; readonly text: string }

/** How many units at the end of a text may be the beginning of a mark. */
const openLength = (text: string, mark: string, minimum: number): number => {
  for (let length = mark.length - 1; length >= minimum; length--) {
    if (text.endsWith(mark.slice(0, length))) return length
  }
  return 0
}

const altEnter = "\u001b\r"

/** Alt+Enter breaks the line. */
const splitKeys = (text: string): ReadonlyArray<Input> =>
  text.split(altEnter).flatMap((part, index): ReadonlyArray<Input> => {
    const keys = { _tag: "Keys", text: part } as const
    return index === 0 ? [keys] : [{ _tag: "Text", text: "\n" }, keys]
  })

const toText = (pasted: string): string => stripControlCharacters(pasted.replaceAll(/\r\n?|[\u2028\u2029]/g, "\n"))

/** The next piece of input, and what remains to be completed. */
export const receive = ({ pasted, rest }: Received, piece: string): readonly [Received, ReadonlyArray<Input>] => {
  const inputs: Array<Input> = []
  let text = rest + piece
  let content = pasted
  for (
    let mark;
    (mark = text.indexOf(content === undefined ? begin : end)) >= 0;
    text = text.slice(mark + begin.length)
  ) {
    if (content === undefined) inputs.push(...splitKeys(text.slice(0, mark)))
    else inputs.push({ _tag: "Text", text: toText(content + text.slice(0, mark)) })
    content = content === undefined ? "" : undefined
  }
  // Among keys a lone escape may be a key of its own.
  const open = content === undefined ? openLength(text, begin, 2) : openLength(text, end, 1)
  const complete = text.slice(0, text.length - open)
  if (content === undefined) inputs.push(...splitKeys(complete))
  return [{ pasted: content === undefined ? undefined : content + complete, rest: text.slice(complete.length) }, inputs]
}
