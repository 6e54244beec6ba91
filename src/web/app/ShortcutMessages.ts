/** The words of the table of shortcuts. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the table of shortcuts. */
export const shortcutMessages = defineMessages({
  en: {
    key: "Key",
    action: "What it does",
    orKey: "or",
    oneKeyShortcuts: "Shortcuts of one key",
    partNames: {
      parts: "Next part of the page; with Shift, the one before",
      rows: "In the conversation and the list: from one to the next",
      controls: "From button to button, in a message and elsewhere"
    },
    shortcutNames: {
      palette: "Commands and threads",
      help: "This table",
      search: "Search the threads",
      compose: "Write in the open thread",
      next: "Next message, or thread in the list",
      previous: "Previous message, or thread in the list",
      back: "Close what is open; on a phone, back to the list"
    }
  },
  de: {
    key: "Taste",
    action: "Was sie tut",
    orKey: "oder",
    oneKeyShortcuts: "Kürzel mit nur einer Taste",
    partNames: {
      parts: "Nächster Teil der Seite; mit Umschalt der vorige",
      rows: "Im Gespräch und in der Liste: von einem zum nächsten",
      controls: "Von Knopf zu Knopf, in einer Nachricht und anderswo"
    },
    shortcutNames: {
      palette: "Befehle und Threads",
      help: "Diese Tabelle",
      search: "Threads suchen",
      compose: "Im offenen Thread schreiben",
      next: "Nächste Nachricht, oder nächster Thread in der Liste",
      previous: "Vorige Nachricht, oder voriger Thread in der Liste",
      back: "Schließen, was offen ist; am Telefon zurück zur Liste"
    }
  }
})
