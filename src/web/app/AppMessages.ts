/** The words of the frame around a thread: home, connection, menu. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the frame. */
export const appMessages = defineMessages({
  en: {
    skipToField: "Skip to the field",
    noThreadTitle: "No thread is open",
    noThreadText:
      "Open one from the list, or make a new one. What is written in a thread is shown to all its readers at once.",
    newThread: "New thread",
    loading: "Loading the thread",
    noConnection: (time: string) => `No connection since ${time}. What you write is kept.`,
    retry: "Retry",
    reconnect: "Reconnect",
    brokenTitle: "This part of the page does not work",
    brokenText: "Perhaps it could not be loaded. What you wrote is kept in this browser.",
    reload: "Reload the page",
    menu: "More",
    settings: "Settings",
    shortcuts: "Keyboard shortcuts",
    yourKey: "Your key"
  },
  de: {
    skipToField: "Zum Eingabefeld springen",
    noThreadTitle: "Kein Thread geöffnet",
    noThreadText:
      "Öffne einen aus der Liste, oder leg einen neuen an. Was in einem Thread geschrieben wird, sehen alle, die ihn lesen, sofort.",
    newThread: "Neuer Thread",
    loading: "Der Thread wird geladen",
    noConnection: (time) => `Keine Verbindung seit ${time}. Was du schreibst, bleibt erhalten.`,
    retry: "Erneut versuchen",
    reconnect: "Neu verbinden",
    brokenTitle: "Dieser Teil der Seite funktioniert nicht",
    brokenText: "Vielleicht ließ er sich nicht laden. Was du geschrieben hast, bleibt in diesem Browser erhalten.",
    reload: "Seite neu laden",
    menu: "Mehr",
    settings: "Einstellungen",
    shortcuts: "Tastenkürzel",
    yourKey: "Dein Schlüssel"
  }
})
