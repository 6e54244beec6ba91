/** Words that controls bring along. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the controls. */
export const designMessages = defineMessages({
  en: { close: "Close" },
  de: { close: "Schließen" }
})
