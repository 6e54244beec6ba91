/** What the dialog about erasing says. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of erasing. */
export const erasingMessages = defineMessages({
  en: {
    erase: { message: "Erase this message", question: "Erase this question", submission: "Erase this submission" },
    title: { message: "Erase this message?", question: "Erase this question?", submission: "Erase this submission?" },
    effect:
      "Its text is deleted for everybody and cannot be restored. Answers of the Chorus that repeat it are deleted too.",
    runStops: "The Chorus stops answering it.",
    stakeReturns: "The submission is withdrawn, and you get its stake back.",
    reason: "Reason, for all who read this thread (optional)",
    confirm: "Erase for everybody",
    erasing: "Erasing…",
    keep: "Keep it"
  },
  de: {
    erase: {
      message: "Diese Nachricht löschen",
      question: "Diese Frage löschen",
      submission: "Diese Einreichung löschen"
    },
    title: {
      message: "Diese Nachricht löschen?",
      question: "Diese Frage löschen?",
      submission: "Diese Einreichung löschen?"
    },
    effect:
      "Der Text wird für alle gelöscht und lässt sich nicht wiederherstellen, ebenso Antworten des Chorus, die ihn wiederholen.",
    runStops: "Der Chorus beantwortet sie nicht weiter.",
    stakeReturns: "Die Einreichung wird zurückgezogen, und du bekommst deinen Einsatz zurück.",
    reason: "Grund (optional; alle, die den Thread lesen, sehen ihn)",
    confirm: "Für alle löschen",
    erasing: "Wird gelöscht…",
    keep: "Behalten"
  }
})
