/**
 * What follows from an erased text (TOP10): the texts that were made from it, such as the outputs of a run that was given it.
 * Those that repeat it are erased as well; the others are marked.
 */
import type { EventAddress } from "../protocol/Ids.ts"
import { stripControlCharacters } from "../protocol/Text.ts"

/** A text, by the topic and the entry that hold its seal, and by its commitment. */
export interface TextAddress extends EventAddress {
  readonly c: string
}

/** How an event was made from erased texts. */
export interface Derivation<A> {
  /** JSON Pointers to the texts of the event that are copies, whatever their length. */
  readonly copies: ReadonlyArray<string>
  /** The input by which the event's topic notes that a source is gone, and stops what still works with it. */
  readonly mark: A
}

/** The shortest part of a text, in UTF-16 units, whose repetition is a copy. */
const copyLength = 20

/**
 * As a model may repeat a text, which it is shown as `PromptQuoting.escapeText` has it, and whose answers are stripped of
 * control characters: neither these, nor white space and case, make it another one.
 */
const normalise = (text: string): string =>
  stripControlCharacters(text.toWellFormed().replaceAll(/[\s\u0085]/gu, " "))
    .replaceAll("<", "‹")
    .replaceAll(/ +/gu, " ")
    .toLowerCase()
    .trim()

/** A character of a word; in scripts that do not separate words, each character may be one. */
const wordCharacter =
  /[[\p{L}\p{M}\p{N}_]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]/v

/** Whether a word goes on across the index. */
const isInWord = (text: string, index: number): boolean => {
  const before = Array.from(text.slice(Math.max(0, index - 2), index)).at(-1) ?? ""
  const after = String.fromCodePoint(text.codePointAt(index) ?? 0x20)
  return wordCharacter.test(before) && wordCharacter.test(after)
}

/** Whether a text has all of a short one, not inside of words: the parts of other words repeat nothing. */
const includesWords = (text: string, words: string): boolean => {
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    if (!isInWord(text, at) && !isInWord(text, at + words.length)) return true
  }
  return false
}

/** The shortest sentence, in UTF-16 units, that is looked for by itself: shorter ones are words that every text may have. */
const sentenceLength = 4

/** The short lines and sentences of a text, by length, without what ends them: models quote by sentences. */
const shortSentences = (text: string): ReadonlyMap<number, ReadonlySet<string>> => {
  const byLength = new Map<number, Set<string>>()
  for (const part of text.split(/[\n\r\u0085\u2028\u2029]|(?<=[.!?])\s|(?<=[。！？])/u)) {
    const sentence = normalise(part).replace(/[.!?。！？ ]{1,8}$/u, "")
    const { length } = sentence
    if (length < sentenceLength || length >= copyLength) continue
    const known = byLength.get(length)
    if (known === undefined) byLength.set(length, new Set([sentence]))
    else known.add(sentence)
  }
  return byLength
}

/** Whether a text has one of the sentences, not inside of words. */
const includesSentence = (text: string, byLength: ReadonlyMap<number, ReadonlySet<string>>): boolean => {
  for (const [length, sentences] of byLength) {
    for (let at = 0; at + length <= text.length; at++) {
      if (sentences.has(text.slice(at, at + length)) && !isInWord(text, at) && !isInWord(text, at + length)) return true
    }
  }
  return false
}

/**
 * Makes the test whether a text repeats `copyLength` units of an erased text in a row, or all of a shorter one as words, or a
 * shorter sentence or line of it. The cost is proportional to the lengths of both.
 */
export const repeatsOf = (erased: string): (text: string) => boolean => {
  const source = normalise(erased)
  if (source.length === 0) return () => false
  const sentences = shortSentences(erased)
  if (source.length < copyLength) {
    return (text) => {
      const normalised = normalise(text)
      return includesWords(normalised, source) || includesSentence(normalised, sentences)
    }
  }
  const parts = new Set<string>()
  for (let i = 0; i + copyLength <= source.length; i++) parts.add(source.slice(i, i + copyLength))
  return (text) => {
    const normalised = normalise(text)
    if (includesSentence(normalised, sentences)) return true
    for (let i = 0; i + copyLength <= normalised.length; i++) {
      if (parts.has(normalised.slice(i, i + copyLength))) return true
    }
    return false
  }
}
