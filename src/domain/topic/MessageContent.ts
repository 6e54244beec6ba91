/** Validates text that users write: not blank, well-formed Unicode, bounded in size (THR2, SEC18). */

/** The largest content of a message, in bytes of UTF-8 (THR2). */
export const maxContentBytes = 32_768

/** The size of a text in bytes of UTF-8. A lone surrogate counts as its replacement character, 3 bytes. */
export const utf8ByteLength = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Why a text is not valid content, as a sentence for its author; undefined if it is valid (THR2, SEC18). */
export const validateContent = (content: string): string | undefined => {
  if (content.trim() === "") return "the text is empty: write something"
  if (!content.isWellFormed()) return "the text contains half of a surrogate pair: send well-formed Unicode"
  const bytes = utf8ByteLength(content)
  return bytes > maxContentBytes
    ? `the text has ${bytes} bytes of UTF-8: shorten it to ${maxContentBytes} or split it`
    : undefined
}
