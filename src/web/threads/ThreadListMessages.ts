/** The words of the list of threads. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the list of threads. */
export const threadListMessages = defineMessages({
  en: {
    threads: "Threads",
    rail: "Threads and key",
    tools: "Home, new thread and search",
    foot: "Key and settings",
    home: "Choir, home",
    newThread: "New thread",
    search: "Search threads",
    yours: "Yours",
    others: "Other public threads",
    everybody: "Public",
    coAuthorsOnly: "Co-authors only",
    closed: "closed",
    coAuthors: (count: string) => count === "1" ? "1 co-author" : `${count} co-authors`,
    loading: "Loading the threads",
    noneYours: "You have no threads yet. “New thread” makes one.",
    noneOthers: "There are no other public threads.",
    noMatch: (words: string) => `No title contains “${words}”.`,
    matches: (count: string) => count === "1" ? "1 thread" : `${count} threads`,
    showMore: (count: string) => `Show ${count} more`
  },
  de: {
    threads: "Threads",
    rail: "Threads und Schlüssel",
    tools: "Startseite, neuer Thread und Suche",
    foot: "Schlüssel und Einstellungen",
    home: "Choir, Startseite",
    newThread: "Neuer Thread",
    search: "Threads suchen",
    yours: "Deine",
    others: "Andere öffentliche Threads",
    everybody: "Öffentlich",
    coAuthorsOnly: "Nur Mitschreibende",
    closed: "geschlossen",
    coAuthors: (count) => count === "1" ? "1 mitschreibende Person" : `${count} Mitschreibende`,
    loading: "Die Threads werden geladen",
    noneYours: "Du hast noch keine Threads. „Neuer Thread“ legt einen an.",
    noneOthers: "Es gibt keine anderen öffentlichen Threads.",
    noMatch: (words) => `Kein Titel enthält „${words}“.`,
    matches: (count) => count === "1" ? "1 Thread" : `${count} Threads`,
    showMore: (count) => `${count} weitere anzeigen`
  }
})
