/** Words that controls bring along. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the controls. */
export const designMessages = defineMessages({
  en: {
    close: "Close",
    partMissing: "This could not be loaded. Try again when there is a connection."
  },
  de: {
    close: "Schließen",
    partMissing: "Das ließ sich nicht laden. Versuch es wieder, wenn es eine Verbindung gibt."
  }
})
