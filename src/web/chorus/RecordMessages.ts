/** What the record of a run says: the outputs of its steps, their figures, and the passages that were read. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of a record. */
export const recordMessages = defineMessages({
  en: {
    record: "How the answer was made",
    close: "Close the record",
    steps: "Steps",
    stepsOf: (pass: number) => `Steps of pass ${pass}`,
    why: "Why",
    insights: "Insights",
    implicit: "Left unsaid",
    selected: "Chosen to think with",
    patterns: "Patterns",
    links: "How they relate",
    confidence: (value: string) => `Confidence ${value}, as the model states it`,
    onceMore: "Once more",
    enough: "Enough",
    answerBelow: (citations: number) =>
      `The answer above, with ${citations === 1 ? "1 citation" : `${citations} citations`}`,
    time: "Time",
    model: "Model",
    tokens: "Tokens",
    tokensOf: (input: string, output: string) => `${input} in, ${output} out`,
    cost: "Cost",
    passages: "Passages read, most similar first",
    nearness: "Similarity",
    chosen: "chosen"
  },
  de: {
    record: "Wie die Antwort entstand",
    close: "Protokoll schließen",
    steps: "Schritte",
    stepsOf: (pass: number) => `Schritte von Durchgang ${pass}`,
    why: "Warum",
    insights: "Erkenntnisse",
    implicit: "Unausgesprochen",
    selected: "Ausgewählt",
    patterns: "Muster",
    links: "Wie sie zusammenhängen",
    confidence: (value: string) => `Sicherheit ${value}, nach Angabe des Modells`,
    onceMore: "Noch einmal",
    enough: "Genug",
    answerBelow: (citations: number) => `Die Antwort oben, mit ${citations === 1 ? "1 Beleg" : `${citations} Belegen`}`,
    time: "Zeit",
    model: "Modell",
    tokens: "Token",
    tokensOf: (input: string, output: string) => `${input} ein, ${output} aus`,
    cost: "Kosten",
    passages: "Gelesene Stellen, ähnlichste zuerst",
    nearness: "Ähnlichkeit",
    chosen: "gewählt"
  }
})
