/** The words of the dialog for a new thread. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the dialog. */
export const newThreadMessages = defineMessages({
  en: {
    newThread: "New thread",
    title: "Title",
    titleHint: "What it is about, in a few words.",
    whoReads: "Who may read it",
    everybodyLabel: "Everybody",
    everybodyHint: "All users of this server may read it, and propose messages to its co-authors.",
    coAuthorsOnlyLabel: "Only its co-authors",
    coAuthorsOnlyHint: "Nobody else sees it or its title. Co-authors invite others.",
    create: "Create",
    cancel: "Cancel"
  },
  de: {
    newThread: "Neuer Thread",
    title: "Titel",
    titleHint: "Worum es geht, in wenigen Worten.",
    whoReads: "Wer ihn lesen darf",
    everybodyLabel: "Alle",
    everybodyHint: "Alle auf diesem Server dürfen ihn lesen und den Mitschreibenden Nachrichten vorschlagen.",
    coAuthorsOnlyLabel: "Nur die Mitschreibenden",
    coAuthorsOnlyHint: "Sonst sieht niemand den Thread oder seinen Titel. Mitschreibende laden andere ein.",
    create: "Anlegen",
    cancel: "Abbrechen"
  }
})
