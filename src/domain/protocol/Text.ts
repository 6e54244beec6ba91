/** Truncates text without splitting a surrogate pair (SEC18). Lengths and indices are in UTF-16 units. */

/** Whether a UTF-16 unit is the first half of a surrogate pair. */
export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** The largest index up to `max` that does not split a surrogate pair (SEC18); `text.length` if the text is shorter. */
export const cutIndex = (text: string, max: number): number => {
  if (text.length <= max) return text.length
  return max > 0 && isHighSurrogate(text.charCodeAt(max - 1)) ? max - 1 : max
}

/** The first `max` units of the text, or one less where the last would be half of a surrogate pair (SEC18). */
export const cut = (text: string, max: number): string => text.slice(0, cutIndex(text, max))

/** The text without control characters other than line feeds and tabs. */
export const stripControlCharacters = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]/gu, "")
