/**
 * The built-in offline model: answers a `ChorusPrompt` with sentences that
 * stand in it, chosen by how well they match the question (BM25), in the
 * format that `ChorusParse` reads. Deterministic; it quotes and does not reason,
 * and says so in every answer (CHO12).
 */
import { type Step, steps } from "../chorus/Chorus.ts"
import { marker } from "../chorus/ChorusPrompt.ts"
import * as Sections from "../chorus/Sections.ts"
import * as Ranking from "./Ranking.ts"
import * as Words from "./Words.ts"

/** How the model is called wherever models are named. */
export const modelName = "extractive-1"

/** Stands in every answer, so that nobody takes quotes for thought. */
export const notice = "Offline extractive model: these are quotes, not reasoning."

/** The whole answer to a prompt's user text, marker and data included. */
export const answer = (user: string): string => {
  const sections = Sections.read(user)
  const task = sections.find(({ name }) => name === "task")?.attributes ?? {}
  const step = steps.find((step) => step === task["step"]) ?? "yield"
  const { data, lead } = writers[step](readMaterial(step, Number(task["loop"] ?? 0), sections))
  return `${lead}\n${marker}\n${JSON.stringify(data)}\n`
}

/** What there is to answer from. */
interface Material {
  readonly loop: number
  readonly notes: ReadonlyArray<string>
  readonly question: string
  /** What the step may quote, compared with the question: for Action the thread, for Yield all, else the priors. */
  readonly ranked: Ranking.Ranked
  /** What Experience wrote in earlier loops. */
  readonly experiences: ReadonlyArray<string>
}

const readMaterial = (step: Step, loop: number, sections: ReadonlyArray<Sections.Section>): Material => {
  const textsOf = (name: string) => sections.filter((section) => section.name === name)
  const question = textsOf("question").map(({ text }) => text).join("\n")
  // What stands in the thread has number 0.
  const thread = textsOf("line").map(({ text }) => ({ number: 0, text, weight: 0 }))
  const priors = textsOf("prior").map(({ attributes, text }) => ({
    number: Number(attributes["n"]),
    text,
    weight: Number(attributes["similarity"])
  }))
  return {
    loop,
    notes: textsOf("note").map(({ text }) => text),
    question,
    ranked: Ranking.rank(question, step === "action" ? thread : step === "yield" ? [...priors, ...thread] : priors),
    experiences: textsOf("output").filter(({ attributes }) => attributes["step"] === "experience").map(({ text }) =>
      text
    )
  }
}

interface Written {
  readonly lead: string
  readonly data: Readonly<Record<string, unknown>>
}

const writers: { readonly [S in Step]: (material: Material) => Written } = {
  action: ({ experiences, loop, question, ranked }) => {
    const best = Ranking.best(ranked, 2)
    const before = line(experiences.at(-1)?.split("\n{")[0]?.replaceAll(notice, "") ?? "")
    const again = loop > 0 ? `\n\n${Sections.clip(before, 600)}` : ""
    return {
      lead: best.length > 0
        ? `${notice} This thread says:\n\n${best.map((hit) => `- ${line(hit.text)}`).join("\n")}${again}`
        : `${notice} Nothing in this thread answers the question; what the group wrote elsewhere comes next.${again}`,
      data: {
        confidence: round(ranked.coverage / 2),
        reasoning: `Compared ${ranked.size} sentences of the thread with the question's words: ${list(question)}.`
      }
    }
  },

  experience: ({ notes, ranked }) => {
    const best = Ranking.best(ranked, 5)
    return {
      lead: best.length > 0
        ? `${notice} From what the group wrote before:\n\n${best.map(bullet).join("\n")}`
        : `${notice} ${notes.length > 0 ? "So there is nothing to quote." : nothing}`,
      data: { key_insights: best.slice(0, 3).map((hit) => line(hit.text)) }
    }
  },

  intention: ({ question, ranked }) => {
    const useful = Ranking.useful(ranked)
    return {
      lead: `The question asks about ${list(question)}.`,
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
      ? `${ranked.size} sentences of the priors were compared; ${percent(ranked.coverage)} of what the question asks `
        + `for is found in them.${missing(ranked)}`
      : nothing,
    data: {
      patterns: Ranking.shared(ranked).map((word) => `Several priors speak of “${word}”.`),
      semantic_links: Ranking.useful(ranked).map((prior) => ({
        prior,
        relation: `speaks of ${Ranking.matchedBy(ranked, prior).join(", ")}`
      }))
    }
  }),

  // Action takes up what Experience found, so that a second pass searches with more words; a third would find the same.
  update: ({ loop, ranked }) => {
    const again = loop === 0 && ranked.coverage > 0 && ranked.coverage < 0.5
    return {
      lead: again
        ? `Only ${percent(ranked.coverage)} of what the question asks for is found: search again with the words found.`
        : `${percent(ranked.coverage)} of what the question asks for is found; another pass would find the same.`,
      data: { loop: again, confidence: round(ranked.coverage) }
    }
  },

  yield: ({ notes, ranked }) => {
    const best = Ranking.best(ranked, 4)
    const code = Ranking.bestCode(ranked)
    if (best.length === 0 && code === undefined) {
      return {
        lead: `${notice} ${notes.length > 0 ? notes.map(line).join(" ") : nothing}`,
        data: { citations: [], confidence: 0 }
      }
    }
    const quoted = [...best, ...(code === undefined ? [] : [code])]
    return {
      lead: [
        notice,
        best.map(bullet).join("\n"),
        ...(code === undefined ? [] : [`In code${reference(code)}:\n\n\`\`\`\n${code.text}\n\`\`\``]),
        ...(missing(ranked) === "" ? [] : [missing(ranked).trim()])
      ].filter((part) => part !== "").join("\n\n"),
      data: {
        citations: quoted.filter(({ number }) => number > 0).map(({ number, text }) => ({
          prior: number,
          quote: text
        })),
        confidence: round(ranked.coverage)
      }
    }
  }
}

const nothing = "Nothing that the group wrote before answers this question."

/** A quote on one line. */
const line = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

const reference = ({ number }: Ranking.Hit): string => number > 0 ? ` [${number}]` : " (in this thread)"

const bullet = (hit: Ranking.Hit): string => `- ${line(hit.text)}${reference(hit)}`

const missing = ({ missing }: Ranking.Ranked): string =>
  missing.length > 0 ? ` Nothing was found about ${missing.map((word) => `“${word}”`).join(", ")}.` : ""

const list = (question: string): string => {
  const words = Ranking.queryWords(question)
  return words.length > 0 ? words.map((word) => `“${word}”`).join(", ") : "nothing that has words"
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const round = (share: number): number => Math.round(share * 100) / 100

/** What an answer's text quotes. Its first paragraph is the model's own, and would only blur a search. */
export const quotes = (lead: string): string => lead.split("\n\n").slice(1).join("\n\n")

/** A text's pieces for streaming: words with the space that follows. */
export const pieces = (text: string): ReadonlyArray<string> => text.match(/\s*\S+\s?/guy) ?? []

/** About what a provider would count as tokens. */
export const tokens = (text: string): number => Math.max(1, Words.words(text).length)
