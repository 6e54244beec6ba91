/** The words of the palette and its commands. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the palette. */
export const paletteMessages = defineMessages({
  en: {
    palette: "Commands and threads",
    paletteField: "Find a thread or a command",
    nothingFound: "Nothing found.",
    commands: "Commands",
    threads: "Threads",
    erasedTitle: "A thread whose title was erased",
    askChorus: "Ask the Chorus",
    people: "People and invitations",
    copyLink: "Copy the link to this thread",
    linkCopied: "The link is copied.",
    linkNotCopied: "This browser does not allow copying. The address of the page is the link.",
    allThreads: "All threads",
    lightTheme: "Light theme",
    darkTheme: "Dark theme",
    systemTheme: "Theme of the system"
  },
  de: {
    palette: "Befehle und Threads",
    paletteField: "Thread oder Befehl suchen",
    nothingFound: "Nichts gefunden.",
    commands: "Befehle",
    threads: "Threads",
    erasedTitle: "Ein Thread, dessen Titel gelöscht wurde",
    askChorus: "Den Chorus fragen",
    people: "Personen und Einladungen",
    copyLink: "Link zu diesem Thread kopieren",
    linkCopied: "Der Link ist kopiert.",
    linkNotCopied: "Dieser Browser erlaubt das Kopieren nicht. Die Adresse der Seite ist der Link.",
    allThreads: "Alle Threads",
    lightTheme: "Helles Design",
    darkTheme: "Dunkles Design",
    systemTheme: "Design wie das Gerät"
  }
})
