/** The choices of theme and language on the page's root element, where style sheets, hyphenation and readers look. */
import type { Language } from "../language/Language.ts"
import type { Preferences } from "../storage/preferences.ts"

/** Puts the theme and the language on `<html>`. `system` leaves the theme to the browser. */
export const applyTheme = (theme: Preferences["theme"], language: Language): void => {
  const root = document.documentElement
  root.lang = language
  if (theme === "system") delete root.dataset["theme"]
  else root.dataset["theme"] = theme
}
