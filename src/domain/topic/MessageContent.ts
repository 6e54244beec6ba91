/** Validates text that users write: not blank, well-formed Unicode, bounded in size (THR2, SEC18). */

/** The largest content of a message, in bytes of UTF-8 (THR2). */
export const maxContentBytes = 32_768

/** Most texts; testing them takes a tenth of the time of counting. */
// oxlint-disable-next-line no-control-regex
const ascii = /^[\0-\x7f]*$/

/** The size of a text in bytes of UTF-8. A lone surrogate counts as its replacement character, 3 bytes. */
export const utf8ByteLength = (text: string): number => {
  if (ascii.test(text)) return text.length
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Anything but white space, control characters, and characters that are shown as nothing or as a space. */
const visibleCharacter = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\u2800\ufff9-\ufffb]/u

/** Whether a reader of the text sees anything. */
export const isVisible = (text: string): boolean => visibleCharacter.test(text)

/** Why a text is not valid content, as a sentence for its author; undefined if it is valid (THR2, SEC18). */
export const validateContent = (content: string): string | undefined => {
  if (!isVisible(content)) return "the text is empty: write something that can be seen"
  if (!content.isWellFormed()) return "the text contains half of a surrogate pair: send well-formed Unicode"
  const bytes = utf8ByteLength(content)
  return bytes > maxContentBytes
    ? `the text has ${bytes} bytes of UTF-8: shorten it to ${maxContentBytes} or split it`
    : undefined
}
