/** The words of the composer. */
import type { Format } from "../language/Format.ts"
import { defineMessages } from "../language/Language.ts"
import type { CompositionProblem } from "./composition.ts"

/** The catalogue of the composer. */
export const composerMessages = defineMessages({
  en: {
    yourMessage: "Your message",
    yourQuestion: "Your question",
    yourSubmission: "Your submission",
    writeMessage: "Write to the thread",
    writeQuestion: "Ask a question",
    writeMoreQuestions: "Add something it should know, or ask the next question",
    writeSubmission: "Write a submission",
    send: "Send",
    ask: "Ask",
    submit: "Submit",
    stop: "Stop",
    closed: "This thread is closed: it is read-only.",
    enterSends: "Enter sends, Shift + Enter breaks",
    ctrlEnterSends: (isMac: boolean) => `${isMac ? "⌘" : "Ctrl"} + Enter sends, Enter breaks`,
    answerForAll: "Goes to the Chorus; everybody here sees the answer",
    answerForCoAuthors: "Goes to the Chorus; this thread’s co-authors see the answer",
    offlineModel: "No model is connected: the built-in one answers with quotations.",
    askIsForCoAuthors: "Only co-authors can ask the Chorus: this is sent as a submission.",
    submissionNote: "You are not a co-author: this is a submission, with a stake",
    submissionFate: "The co-authors vote on it:",
    stake: "Stake",
    atLeast: (minimum: string) => `At least ${minimum}`,
    stakeHint: (minimum: string, balance: string) => `At least ${minimum}; you have ${balance}`,
    stakeFates: (days: string) => [
      "All approve: it is published, you become a co-author, and they share your stake.",
      "All deny: the thread gets your stake.",
      "They differ: the thread and the treasury share it.",
      `Nobody votes in ${days}: you get it back. Only some vote: the treasury gets it.`
    ],
    empty: "Write something that can be seen.",
    brokenCharacter: "The text contains half of a character. Delete it, and type it again.",
    tooLarge: (bytes: string, limit: string) => `The text has ${bytes} bytes; the limit is ${limit}. Send it in parts.`,
    tooManyEscapes: "The text has too many special characters. Send it in parts.",
    stakeTooSmall: (minimum: string) => `The stake must be a whole number of tokens, at least ${minimum}.`,
    stakeAboveBalance: (stake: string, balance: string) => `The stake is ${stake}, and you have ${balance}.`,
    notAccepted: "Not accepted",
    notSeen: (reason: string) => `${reason}, so nobody else has seen it.`,
    setAside: "Set aside: nobody else has seen it.",
    question: "A question to the Chorus",
    edit: "Edit",
    discard: "Discard",
    discarded: "The text is discarded.",
    undo: "Undo"
  },
  de: {
    yourMessage: "Deine Nachricht",
    yourQuestion: "Deine Frage",
    yourSubmission: "Deine Einreichung",
    writeMessage: "Schreib in den Thread",
    writeQuestion: "Stell eine Frage",
    writeMoreQuestions: "Ergänze, was er wissen sollte, oder stell die nächste Frage",
    writeSubmission: "Schreib eine Einreichung",
    send: "Senden",
    ask: "Fragen",
    submit: "Einreichen",
    stop: "Stoppen",
    closed: "Dieser Thread ist geschlossen: Du kannst ihn nur noch lesen.",
    enterSends: "Enter sendet, Umschalt + Enter bricht um",
    ctrlEnterSends: (isMac: boolean) => `${isMac ? "⌘" : "Strg"} + Enter sendet, Enter bricht um`,
    answerForAll: "Geht an den Chorus; alle hier sehen die Antwort",
    answerForCoAuthors: "Geht an den Chorus; die Mitschreibenden dieses Threads sehen die Antwort",
    offlineModel: "Kein Modell ist verbunden: Das eingebaute antwortet mit Zitaten.",
    askIsForCoAuthors: "Nur Mitschreibende können den Chorus fragen: Das wird als Einreichung gesendet.",
    submissionNote: "Du schreibst hier nicht mit: Das wird eine Einreichung mit Einsatz",
    submissionFate: "Die Mitschreibenden stimmen darüber ab:",
    stake: "Einsatz",
    atLeast: (minimum: string) => `Mindestens ${minimum}`,
    stakeHint: (minimum: string, balance: string) => `Mindestens ${minimum}; du hast ${balance}`,
    stakeFates: (days: string) => [
      "Alle stimmen zu: Sie wird veröffentlicht, du schreibst mit, und die anderen teilen sich deinen Einsatz.",
      "Alle lehnen ab: Der Thread bekommt deinen Einsatz.",
      "Sie sind sich uneins: Thread und Kasse teilen sich den Einsatz.",
      `Niemand stimmt innerhalb von ${days} ab: Du bekommst ihn zurück. Nur einige stimmen ab: Die Kasse bekommt ihn.`
    ],
    empty: "Schreib etwas Sichtbares.",
    brokenCharacter: "Der Text enthält ein halbes Zeichen. Lösch es und tipp es neu.",
    tooLarge: (bytes: string, limit: string) =>
      `Der Text hat ${bytes} Byte; höchstens ${limit} sind möglich. Sende ihn in Teilen.`,
    tooManyEscapes: "Der Text hat zu viele Sonderzeichen. Sende ihn in Teilen.",
    stakeTooSmall: (minimum: string) => `Der Einsatz muss eine ganze Zahl von Token sein, mindestens ${minimum}.`,
    stakeAboveBalance: (stake: string, balance: string) => `Der Einsatz ist ${stake}, und du hast ${balance}.`,
    notAccepted: "Nicht angenommen",
    notSeen: (reason: string) => `${reason}. Niemand sonst hat es gesehen.`,
    setAside: "Beiseitegelegt: Niemand sonst hat es gesehen.",
    question: "Eine Frage an den Chorus",
    edit: "Bearbeiten",
    discard: "Verwerfen",
    discarded: "Der Text ist verworfen.",
    undo: "Rückgängig"
  }
})

/** The words of the composer in one language. */
export type ComposerMessages = typeof composerMessages.en

/** Why a text cannot be sent, as a sentence. */
export const problemText = (problem: CompositionProblem, messages: ComposerMessages, format: Format): string => {
  switch (problem._tag) {
    case "Empty":
      return messages.empty
    case "BrokenCharacter":
      return messages.brokenCharacter
    case "TooLarge":
      return messages.tooLarge(format.number(problem.bytes), format.number(problem.limit))
    case "TooManyEscapes":
      return messages.tooManyEscapes
    case "StakeTooSmall":
      return messages.stakeTooSmall(format.number(problem.minimum))
    case "StakeAboveBalance":
      return messages.stakeAboveBalance(format.tokens(problem.stake), format.tokens(problem.balance))
  }
}
