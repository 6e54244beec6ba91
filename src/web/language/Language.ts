/** The languages of the page, its catalogues of messages, and the hooks that read them. */
import { createContext, useContext } from "react"
import type { Preferences } from "../storage/preferences.ts"
import { type Format, makeFormat } from "./Format.ts"

/** A language that the page speaks. */
export type Language = "en" | "de"

/** The messages of one feature in every language. A message with a value in it is a function. */
export interface Catalogue<M> {
  readonly en: M
  readonly de: M
}

/** Makes a catalogue: English says which messages there are, and every other language has the same. */
export const defineMessages = <M>(catalogue: { readonly en: M; readonly de: NoInfer<M> }): Catalogue<M> => catalogue

interface PageLanguage {
  readonly language: Language
  readonly format: Format
}

const languageOf = (tag: string): Language | undefined => {
  const [language] = tag.toLowerCase().split("-")
  return language === "en" || language === "de" ? language : undefined
}

/** The language and its formats for `today`, for a choice or for the first language of the browser that the page speaks. */
export const pageLanguage = (
  choice: Preferences["language"],
  browserLanguages: ReadonlyArray<string>,
  today = Date.now()
): PageLanguage => {
  const language = choice === "system"
    ? browserLanguages.map(languageOf).find((known) => known !== undefined) ?? "en"
    : choice
  // A browser's own region decides how its language writes dates: en-GB is not en-US.
  const locale = browserLanguages.find((tag) => languageOf(tag) === language) ?? language
  return { language, format: makeFormat(language, locale, today) }
}

/** The page's language; provided by `Page`. */
export const LanguageContext = createContext<PageLanguage>(pageLanguage("en", []))

/** The messages of a catalogue in the page's language. */
export const useMessages = <M>(catalogue: Catalogue<M>): M => catalogue[useContext(LanguageContext).language]

/** The page's formats of numbers, times and lists. */
export const useFormat = (): Format => useContext(LanguageContext).format
