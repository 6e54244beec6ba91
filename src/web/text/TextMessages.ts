/** Words around the texts of people and models. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of texts. */
export const textMessages = defineMessages({
  en: {
    erased: "This text was erased",
    code: (info: string) => info === "" ? "Code" : `Code, ${info}`,
    copy: "Copy",
    copied: "Copied",
    table: "Table",
    done: "Done",
    open: "To do"
  },
  de: {
    erased: "Dieser Text wurde gelöscht",
    code: (info: string) => info === "" ? "Code" : `Code, ${info}`,
    copy: "Kopieren",
    copied: "Kopiert",
    table: "Tabelle",
    done: "Erledigt",
    open: "Offen"
  }
})
