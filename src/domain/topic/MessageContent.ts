/** What counts as text that people wrote: not blank, well-formed, of a bounded size. */

/** Bytes of UTF-8 that a message may take (THR2). */
export const maxContentBytes = 32_768

/** How many bytes a text takes as UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export const utf8ByteLength = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** What is wrong with a text as content, as a sentence; undefined when nothing is. */
export const validateContent = (content: string): string | undefined => {
  if (content.trim() === "") return "there is no text in it"
  if (!content.isWellFormed()) return "the text holds half of a surrogate pair"
  const bytes = utf8ByteLength(content)
  return bytes > maxContentBytes ? `the text takes ${bytes} bytes; at most ${maxContentBytes} are allowed` : undefined
}
