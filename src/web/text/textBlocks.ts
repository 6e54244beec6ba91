/** Splits a text into prose and fenced code blocks. Pure; no character outside of a block's fences is dropped. */

/** A part of a text. `info` is what follows the opening fence, mostly the language. */
export type TextBlock =
  | { readonly _tag: "Prose"; readonly text: string }
  | { readonly _tag: "Code"; readonly info: string; readonly text: string }

/** A line of three or more backticks, and an info string without any, as in CommonMark. */
const openingFence = /^ {0,3}(`{3,})([^`]*)$/

/** Whether a line closes a block: at least as many backticks as opened it, and nothing else. */
const closesFence = (line: string, fence: string): boolean => {
  const text = line.trim()
  return text.length >= fence.length && /^`+$/.test(text)
}

/** The blocks of a text in order. A block that is never closed ends with the text. */
export const parseBlocks = (text: string): ReadonlyArray<TextBlock> => {
  const blocks: Array<TextBlock> = []
  let prose: Array<string> = []
  const lines = text.split("\n")
  for (let index = 0; index < lines.length; index++) {
    const opening = openingFence.exec(lines[index]!)
    if (opening === null) {
      prose.push(lines[index]!)
      continue
    }
    if (prose.length > 0) blocks.push({ _tag: "Prose", text: prose.join("\n") })
    prose = []
    const code: Array<string> = []
    for (index++; index < lines.length && !closesFence(lines[index]!, opening[1]!); index++) code.push(lines[index]!)
    blocks.push({ _tag: "Code", info: opening[2]!.trim(), text: code.join("\n") })
  }
  if (prose.length > 0) blocks.push({ _tag: "Prose", text: prose.join("\n") })
  return blocks
}
