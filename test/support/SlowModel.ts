/** A fake model that answers every step of a run as it should, but slowly, so that tests can act in the middle. */
import { LLMock } from "@copilotkit/aimock"
import { Effect, type Scope } from "effect"

const stepData = {
  action: { confidence: 0.5, reasoning: "r" },
  experience: { key_insights: ["k"] },
  intention: { implicit: "i", selected_priors: [], reason: "r" },
  observation: { patterns: ["p"], semantic_links: [] },
  update: { loop: false, confidence: 0.9 },
  yield: { citations: [], confidence: 0.9 }
}

/** Starts a model that sends `words` as the text of each step: `chunkSize` characters every `latency` milliseconds. */
export const start = (
  { words, ...pace }: { readonly latency: number; readonly chunkSize: number; readonly words: string }
): Effect.Effect<LLMock, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => LLMock.create({ port: 0, ...pace })),
    (mock) => Effect.promise(() => mock.stop())
  ).pipe(Effect.tap((mock) =>
    Effect.sync(() => {
      for (const [step, data] of Object.entries(stepData)) {
        const content = `At ${step}: ${words}\n<<<data>>>\n${JSON.stringify(data)}`
        mock.onMessage(new RegExp(`<task step="${step}"`), { content })
      }
    })
  ))

/** The settings by which a server uses the model. */
export const environment = ({ url }: LLMock): Readonly<Record<string, string>> => ({
  CHOIR_LLM_URL: `${url}/v1`,
  CHOIR_LLM_KEY: "none",
  CHOIR_LLM_MODEL: "slow-1"
})
