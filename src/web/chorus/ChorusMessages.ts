/** What a run of the Chorus says: its head, its progress, its answer and its end. The record has a catalogue of its own. */
import type { Step } from "../../domain/chorus/ChorusModel.ts"
import { defineMessages } from "../language/Language.ts"

type StepTexts = { readonly [S in Step]: string }

const stepNames: { readonly en: StepTexts; readonly de: StepTexts } = {
  en: {
    action: "Action",
    experience: "Experience",
    intention: "Intention",
    observation: "Observation",
    update: "Update",
    yield: "Yield"
  },
  de: {
    action: "Aktion",
    experience: "Erfahrung",
    intention: "Absicht",
    observation: "Beobachtung",
    update: "Abwägung",
    yield: "Ergebnis"
  }
}

/** The catalogue of a run. */
export const chorusMessages = defineMessages({
  en: {
    youAsked: "You asked the Chorus",
    asked: (name: string) => `${name} asked the Chorus`,
    agentAsked: (name: string, owner: string) => `${name}, agent of ${owner}, asked the Chorus`,
    myAgentAsked: (name: string) => `${name}, your agent, asked the Chorus`,
    question: "Question",
    wholeQuestion: "Show the whole question",
    stop: "Stop",
    waits: "Waits for the question before it.",
    doNotAsk: "Cancel",
    step: stepNames.en,
    doing: {
      action: "Writing a first answer, before reading",
      experience: "Reading what the group wrote before",
      intention: "Asking what the question leaves unsaid",
      observation: "Comparing what it found",
      update: "Deciding whether to think once more",
      yield: "Writing the answer"
    },
    progress: (step: string, number: number) => `Step ${number} of 6: ${step}`,
    pass: (number: number) => number === 1 ? "First pass" : number === 2 ? "Second pass" : `Pass ${number}`,
    seconds: (count: string) => `${count} s`,
    retries: (attempt: number) => `Trying again, attempt ${attempt}.`,
    thought: (steps: number, duration: string, sources: number) =>
      `Thought in ${steps} ${steps === 1 ? "step" : "steps"}, ${duration}, ${
        sources === 0 ? "no sources" : sources === 1 ? "1 source" : `${sources} sources`
      }`,
    soFar: "What it has thought so far",
    answer: "Answer of the Chorus",
    citations: "Citations",
    citation: (number: number) => `Source ${number}`,
    citationNotFound: (number: number) => `Source ${number}, quote not found in it`,
    verbatim: "Verbatim",
    notFound: "Quote not found in the source",
    uncited: "Mentioned without a quote",
    erased: "Erased since",
    you: "you",
    thisThread: "In this thread",
    otherThread: "Another thread",
    showInThread: "Show in thread",
    openThread: "Open in its thread",
    notShown: "This message is not shown in the thread.",
    verbatimCount: (found: number, all: number) => `${found} of ${all} quotes verbatim`,
    offline: "Offline model: quotes, no reasoning",
    copyAnswer: "Copy the answer",
    answerCopied: "The answer is copied, with its sources.",
    copyLink: "Copy the link",
    linkCopied: "The link is copied.",
    notCopied: "The browser does not allow copying.",
    sources: "Sources",
    askAgain: "Ask again",
    stoppedAt: (step: string) => `Stopped at ${step}.`,
    failure: {
      AIError: "The model gave no usable answer.",
      NetworkError: "The model could not be reached.",
      StateError: "What it was made from has changed."
    },
    kept: "What was thought so far is kept.",
    cancelled: (time: string) => `Stopped here, ${time}`,
    cancelledBefore: (time: string) => `Stopped before it answered, ${time}`,
    sourceErased: "A text that it was given has been erased since."
  },
  de: {
    youAsked: "Du hast den Chorus gefragt",
    asked: (name: string) => `${name} hat den Chorus gefragt`,
    agentAsked: (name: string, owner: string) => `${name}, Agent von ${owner}, hat den Chorus gefragt`,
    myAgentAsked: (name: string) => `${name}, dein Agent, hat den Chorus gefragt`,
    question: "Frage",
    wholeQuestion: "Ganze Frage anzeigen",
    stop: "Stoppen",
    waits: "Wartet auf die Frage davor.",
    doNotAsk: "Abbrechen",
    step: stepNames.de,
    doing: {
      action: "Entwirft eine erste Antwort, bevor er liest",
      experience: "Liest, was die Gruppe früher geschrieben hat",
      intention: "Sucht, was die Frage offenlässt",
      observation: "Vergleicht, was er gefunden hat",
      update: "Entscheidet, ob er noch einmal nachdenkt",
      yield: "Schreibt die Antwort"
    },
    progress: (step: string, number: number) => `Schritt ${number} von 6: ${step}`,
    pass: (number: number) =>
      number === 1 ? "Erster Durchgang" : number === 2 ? "Zweiter Durchgang" : `Durchgang ${number}`,
    seconds: (count: string) => `${count} s`,
    retries: (attempt: number) => `Versuch ${attempt} läuft.`,
    thought: (steps: number, duration: string, sources: number) =>
      `In ${steps} ${steps === 1 ? "Schritt" : "Schritten"} nachgedacht, ${duration}, ${
        sources === 0 ? "keine Quellen" : sources === 1 ? "1 Quelle" : `${sources} Quellen`
      }`,
    soFar: "Was bisher gedacht wurde",
    answer: "Antwort des Chorus",
    citations: "Belege",
    citation: (number: number) => `Quelle ${number}`,
    citationNotFound: (number: number) => `Quelle ${number}, Zitat steht nicht darin`,
    verbatim: "Wörtlich",
    notFound: "Zitat steht nicht in der Quelle",
    uncited: "Erwähnt, ohne Zitat",
    erased: "Seitdem gelöscht",
    you: "du",
    thisThread: "In diesem Thread",
    otherThread: "Ein anderer Thread",
    showInThread: "Im Thread anzeigen",
    openThread: "In seinem Thread öffnen",
    notShown: "Diese Nachricht ist im Thread nicht zu sehen.",
    verbatimCount: (found: number, all: number) => `${found} von ${all} Zitaten wörtlich`,
    offline: "Offline-Modell: zitiert nur, denkt nicht nach",
    copyAnswer: "Antwort kopieren",
    answerCopied: "Die Antwort ist kopiert, mit ihren Quellen.",
    copyLink: "Link kopieren",
    linkCopied: "Der Link ist kopiert.",
    notCopied: "Der Browser erlaubt das Kopieren nicht.",
    sources: "Quellen",
    askAgain: "Noch einmal fragen",
    stoppedAt: (step: string) => `Bei „${step}“ gestoppt.`,
    failure: {
      AIError: "Das Modell gab keine brauchbare Antwort.",
      NetworkError: "Das Modell war nicht erreichbar.",
      StateError: "Die Grundlage der Antwort hat sich geändert."
    },
    kept: "Was bisher gedacht wurde, bleibt erhalten.",
    cancelled: (time: string) => `Hier gestoppt, ${time}`,
    cancelledBefore: (time: string) => `Vor der Antwort gestoppt, ${time}`,
    sourceErased: "Ein Text, aus dem die Antwort entstand, wurde seitdem gelöscht."
  }
})
