/**
 * The built-in model: extractive, without a network. It answers a `ChorusPrompt` with sentences of that prompt, selected
 * by how well they match the question (BM25), in the format of `ChorusParse`.
 *
 * Deterministic; it quotes and does not reason, and every answer states so (CHO12).
 */
import { type Step, steps } from "../ChorusModel.ts"
import { delimiter } from "../ChorusPrompt.ts"
import * as PromptQuoting from "../PromptQuoting.ts"
import * as Bm25 from "./Bm25.ts"
import * as Tokenizer from "./Tokenizer.ts"

/** The model's name in usage records and settings. */
export const modelName = "extractive-1"

/** CHO12: part of every answer. */
export const disclaimer = "Offline extractive model: these are quotes, not reasoning."

/** CHO12: the whole answer to a user prompt, delimiter and data included. */
export const generateAnswer = (prompt: string): string => {
  const sections = PromptQuoting.parseSections(prompt)
  const task = sections.find(({ name }) => name === "task")?.attributes ?? {}
  const step = steps.find((step) => step === task["step"]) ?? "yield"
  const { data, lead } = stepWriters[step](readStepMaterial(step, Number(task["loop"] ?? 0), sections))
  return `${lead}\n${delimiter}\n${JSON.stringify(data)}\n`
}

/** The input of a step. */
interface StepMaterial {
  readonly loop: number
  readonly notes: ReadonlyArray<string>
  readonly question: string
  /** The sentences that the step may quote, ranked: for Action the thread's, for Yield all, else the priors'. */
  readonly ranked: Bm25.RankedSentences
  /** The outputs of Experience in earlier loops. */
  readonly experiences: ReadonlyArray<string>
}

const readStepMaterial = (step: Step, loop: number, sections: ReadonlyArray<PromptQuoting.Section>): StepMaterial => {
  const sectionsNamed = (name: string) => sections.filter((section) => section.name === name)
  const question = sectionsNamed("question").map(({ text }) => text).join("\n")
  // The thread is source number 0.
  const thread = sectionsNamed("line").map(({ text }) => ({ number: 0, text, weight: 0 }))
  const priors = sectionsNamed("prior").map(({ attributes, text }) => ({
    number: Number(attributes["n"]),
    text,
    weight: Number(attributes["similarity"])
  }))
  return {
    loop,
    notes: sectionsNamed("note").map(({ text }) => text),
    question,
    ranked: Bm25.rankSentences(
      question,
      step === "action" ? thread : step === "yield" ? [...priors, ...thread] : priors
    ),
    experiences: sectionsNamed("output").filter(({ attributes }) => attributes["step"] === "experience").map((
      { text }
    ) => text)
  }
}

interface ExtractedAnswer {
  readonly lead: string
  readonly data: Readonly<Record<string, unknown>>
}

const stepWriters: { readonly [S in Step]: (material: StepMaterial) => ExtractedAnswer } = {
  action: ({ experiences, loop, question, ranked }) => {
    const best = Bm25.bestSentences(ranked, 2)
    const previousInsights = experiences.at(-1)?.split("\n{")[0]?.replaceAll(disclaimer, "").trim() ?? ""
    const carriedOver = loop > 0 ? `\n\n${PromptQuoting.truncate(previousInsights, 600)}` : ""
    return {
      lead: best.length > 0
        ? `${disclaimer} This thread says:\n\n${
          best.map((hit) => `- ${toSingleLine(hit.text)}`).join("\n")
        }${carriedOver}`
        : `${disclaimer} Nothing in this thread answers the question; what the group wrote elsewhere comes next.${carriedOver}`,
      data: {
        confidence: roundToHundredths(ranked.coverage / 2),
        reasoning: `Compared ${ranked.sentenceCount} sentences of the thread with the question's words: ${
          listQuestionWords(question)
        }.`
      }
    }
  },

  experience: ({ notes, ranked }) => {
    const best = Bm25.bestSentences(ranked, 5)
    return {
      lead: best.length > 0
        ? `${disclaimer} From what the group wrote before:\n\n${best.map(formatBullet).join("\n")}`
        : `${disclaimer} ${notes.length > 0 ? "So there is nothing to quote." : noAnswerText}`,
      data: { key_insights: best.slice(0, 3).map((hit) => toSingleLine(hit.text)) }
    }
  },

  intention: ({ question, ranked }) => {
    const useful = Bm25.relevantSources(ranked)
    return {
      lead: `The question asks about ${listQuestionWords(question)}.`,
      data: {
        implicit: "Nothing beyond the words of the question: the offline model does not guess.",
        selected_priors: useful,
        reason: useful.length > 0
          ? "These hold the sentences that share most of the question's rarer words."
          : "No prior shares the question's words."
      }
    }
  },

  observation: ({ ranked }) => ({
    lead: ranked.hits.length > 0
      ? `${ranked.sentenceCount} sentences of the priors were compared; ${
        formatPercent(ranked.coverage)
      } of what the question asks `
        + `for is found in them.${describeMissing(ranked)}`
      : noAnswerText,
    data: {
      patterns: Bm25.sharedWords(ranked).map((word) => `Several priors speak of “${word}”.`),
      semantic_links: Bm25.relevantSources(ranked).map((prior) => ({
        prior,
        relation: `speaks of ${Bm25.matchedWords(ranked, prior).join(", ")}`
      }))
    }
  }),

  // Action repeats what Experience found, so that a second pass searches with more words; a third would find the same.
  update: ({ loop, ranked }) => {
    const again = loop === 0 && ranked.coverage > 0 && ranked.coverage < 0.5
    return {
      lead: again
        ? `Only ${
          formatPercent(ranked.coverage)
        } of what the question asks for is found: search again with the words found.`
        : `${formatPercent(ranked.coverage)} of what the question asks for is found; another pass would find the same.`,
      data: { loop: again, confidence: roundToHundredths(ranked.coverage) }
    }
  },

  yield: ({ notes, ranked }) => {
    const best = Bm25.bestSentences(ranked, 4)
    const code = Bm25.bestCode(ranked)
    if (best.length === 0 && code === undefined) {
      return {
        lead: `${disclaimer} ${notes.length > 0 ? notes.map(toSingleLine).join(" ") : noAnswerText}`,
        data: { citations: [], confidence: 0 }
      }
    }
    const quoted = [...best, ...(code === undefined ? [] : [code])]
    return {
      lead: [
        disclaimer,
        best.map(formatBullet).join("\n"),
        ...(code === undefined ? [] : [`In code${formatReference(code)}:\n\n\`\`\`\n${code.text}\n\`\`\``]),
        ...(describeMissing(ranked) === "" ? [] : [describeMissing(ranked).trim()])
      ].filter((part) => part !== "").join("\n\n"),
      data: {
        citations: quoted.filter(({ number }) => number > 0).map(({ number, text }) => ({
          prior: number,
          quote: text
        })),
        confidence: roundToHundredths(ranked.coverage)
      }
    }
  }
}

const noAnswerText = "Nothing that the group wrote before answers this question."

/** A quote without line breaks. */
const toSingleLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

const formatReference = ({ number }: Bm25.SentenceHit): string => number > 0 ? ` [${number}]` : " (in this thread)"

const formatBullet = (hit: Bm25.SentenceHit): string => `- ${toSingleLine(hit.text)}${formatReference(hit)}`

const describeMissing = ({ missing }: Bm25.RankedSentences): string =>
  missing.length > 0 ? ` Nothing was found about ${missing.map((word) => `“${word}”`).join(", ")}.` : ""

const listQuestionWords = (question: string): string => {
  const words = Bm25.queryWords(question)
  return words.length > 0 ? words.map((word) => `“${word}”`).join(", ") : "nothing that has words"
}

const formatPercent = (share: number): string => `${Math.round(share * 100)} %`

const roundToHundredths = (share: number): number => Math.round(share * 100) / 100

/** The quotes in an answer's text: all but its first paragraph, which is the same in most answers. */
export const extractQuotes = (lead: string): string => lead.split("\n\n").slice(1).join("\n\n")

/** A text in pieces for streaming: words, each with the space after it. */
export const streamChunks = (text: string): ReadonlyArray<string> => text.match(/\s*\S+\s?/guy) ?? []

/** An estimate of the number of tokens. */
export const countTokens = (text: string): number => Math.max(1, Tokenizer.tokenize(text).length)
