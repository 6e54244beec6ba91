/**
 * The built-in offline model: answers a `ChorusPrompt` with sentences that
 * stand in it, chosen by how well they match the question (BM25), in the
 * format that `ChorusParse` reads. Deterministic; it quotes and does not reason,
 * and says so in every answer (CHO12).
 */
import { type Step, steps } from "./Chorus.ts"
import { marker } from "./ChorusPrompt.ts"
import * as Ranking from "./Ranking.ts"
import * as Sections from "./Sections.ts"
import * as Words from "./Words.ts"

/** How the model is called wherever models are named. */
export const modelName = "extractive-1"

/** Stands in every answer, so that nobody takes quotes for thought. */
export const notice = "Offline extractive model: these are quotes, not reasoning."

/** The whole answer to a prompt's user text, marker and data included. */
export const answer = (user: string): string => {
  const sections = Sections.read(user)
  const step = steps.find((step) => step === sections.find(({ name }) => name === "task")?.attributes["step"])
  const { data, lead } = writers[step ?? "yield"](readMaterial(sections))
  return `${lead}\n${marker}\n${JSON.stringify(data)}\n`
}

/** What there is to answer from. */
interface Material {
  readonly loop: number
  readonly notes: ReadonlyArray<string>
  readonly question: string
  readonly thread: Ranking.Ranked
  readonly priors: Ranking.Ranked
  /** Both together; what stands in the thread has number 0. */
  readonly all: Ranking.Ranked
  /** What Experience wrote in earlier loops. */
  readonly experiences: ReadonlyArray<string>
}

const readMaterial = (sections: ReadonlyArray<Sections.Section>): Material => {
  const textsOf = (name: string) => sections.filter((section) => section.name === name)
  const question = textsOf("question").map(({ text }) => text).join("\n")
  // Experience searches with Action's words too; the ranking sees the question alone, which is what must be answered.
  const thread = textsOf("line").map(({ text }) => ({ number: 0, text, weight: 0 }))
  const priors = textsOf("prior").map(({ attributes, text }) => ({
    number: Number(attributes["n"]),
    text,
    weight: Number(attributes["similarity"])
  }))
  return {
    loop: Number(sections.find(({ name }) => name === "task")?.attributes["loop"] ?? 0),
    notes: textsOf("note").map(({ text }) => text),
    question,
    thread: Ranking.rank(question, thread),
    priors: Ranking.rank(question, priors),
    all: Ranking.rank(question, [...priors, ...thread]),
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
  action: ({ experiences, loop, question, thread }) => {
    const best = Ranking.best(thread, 2)
    const again = loop > 0 ? Sections.clip(line(experiences.at(-1)?.split("\n{")[0] ?? ""), 600) : ""
    return {
      lead: best.length > 0
        ? `${notice} This thread says:\n\n${best.map((hit) => `- ${line(hit.text)}`).join("\n")}${
          again && `\n\n${again}`
        }`
        : `${notice} Nothing in this thread answers the question; what the group wrote elsewhere comes next.${
          again && `\n\n${again}`
        }`,
      data: {
        confidence: round(thread.coverage / 2),
        reasoning: `Compared ${thread.size} sentences of the thread with the question's words: ${list(question)}.`
      }
    }
  },

  experience: ({ notes, priors }) => {
    const best = Ranking.best(priors, 5)
    return {
      lead: best.length > 0
        ? `${notice} From what the group wrote before:\n\n${best.map(bullet).join("\n")}`
        : `${notice} ${notes.length > 0 ? notes.map(line).join(" ") : nothing}`,
      data: { key_insights: best.slice(0, 3).map((hit) => line(hit.text)) }
    }
  },

  intention: ({ priors, question }) => {
    const useful = Ranking.useful(priors)
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

  observation: ({ priors }) => ({
    lead: priors.hits.length > 0
      ? `${priors.size} sentences of the priors were compared; ${percent(priors.coverage)} of what the question asks `
        + `for is found in them.${missing(priors)}`
      : nothing,
    data: {
      patterns: Ranking.shared(priors).map((word) => `Several priors speak of “${word}”.`),
      semantic_links: Ranking.useful(priors).map((prior) => ({
        prior,
        relation: `speaks of ${Ranking.matchedBy(priors, prior).join(", ")}`
      }))
    }
  }),

  // Action takes up what Experience found, so that a second pass searches with more words; a third would find the same.
  update: ({ loop, priors }) => {
    const again = loop === 0 && priors.coverage > 0 && priors.coverage < 0.5
    return {
      lead: again
        ? `Only ${
          percent(priors.coverage)
        } of what the question asks for is found so far: search again with the words found.`
        : `${percent(priors.coverage)} of what the question asks for is found; another pass would find the same.`,
      data: { loop: again, confidence: round(priors.coverage) }
    }
  },

  yield: ({ all, notes }) => {
    const best = Ranking.best(all, 4)
    const code = Ranking.bestCode(all)
    if (best.length === 0 && code === undefined) {
      return { lead: `${notice} ${[nothing, ...notes.map(line)].join(" ")}`, data: { citations: [], confidence: 0 } }
    }
    const quoted = [...best, ...(code === undefined ? [] : [code])]
    return {
      lead: [
        notice,
        best.map(bullet).join("\n"),
        ...(code === undefined ? [] : [`In code${reference(code)}:\n\n\`\`\`\n${code.text}\n\`\`\``]),
        ...(missing(all) === "" ? [] : [missing(all).trim()])
      ].filter((part) => part !== "").join("\n\n"),
      data: {
        citations: quoted.filter(({ number }) => number > 0).map(({ number, text }) => ({
          prior: number,
          quote: text
        })),
        confidence: round(all.coverage)
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

/** A text's pieces for streaming: words with the space that follows. */
export const pieces = (text: string): ReadonlyArray<string> => text.match(/\s*\S+\s?/gu) ?? []

/** About what a provider would count as tokens. */
export const tokens = (text: string): number => Math.max(1, Words.words(text).length)
