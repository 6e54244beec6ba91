/** A whole run with the built-in extractive model, without a server. */
import { assert } from "@effect/vitest"
import { Result } from "effect"
import { type PlainRun, type Prior, type Step, type StepOutput, steps } from "../../src/domain/chorus/ChorusModel.ts"
import { sanitiseOutput } from "../../src/domain/chorus/ChorusOutput.ts"
import * as ChorusParse from "../../src/domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../src/domain/chorus/ChorusPrompt.ts"
import { runPolicy } from "../../src/domain/chorus/ChorusRun.ts"
import * as ExtractiveModel from "../../src/domain/chorus/extractive/ExtractiveModel.ts"
import * as SealedText from "../../src/domain/topic/SealedText.ts"
import { makeRunAt } from "./RunFixture.ts"
import { sealedOutput } from "./SealedFixture.ts"

/** Carries out all six steps with the extractive model; returns their outputs. */
export const runAllSteps = (
  prompt: string,
  foundPriors: ReadonlyArray<Prior>,
  messages: PlainRun["messages"] = []
) => {
  const outputs: Array<StepOutput> = []
  const completedSteps: Array<PlainRun["steps"][number]> = []
  for (const step of steps) {
    const run = makeRunAt("action", 0, { prompt, messages, current_step: step, steps: completedSteps })
    const fresh = step === "experience" ? foundPriors : []
    const answer = ExtractiveModel.generateAnswer(ChorusPrompt.buildPrompt(run, fresh).user)
    const parsed = Result.getOrThrow(ChorusParse.parseOutput(run, fresh, answer))
    const output: StepOutput = SealedText.plain(
      sanitiseOutput(sealedOutput(parsed), ChorusPrompt.numberPriors(run, fresh), runPolicy.maxCitations)
    )
    outputs.push(output)
    const usage = { provider: "", model: "", input_tokens: 0, output_tokens: 0, latency_ms: 0, cost: null }
    completedSteps.push({ loop: 0, step, output, usage, at: 0 })
  }
  const get = <S extends Step>(step: S) => {
    const is = (output: StepOutput): output is Extract<StepOutput, { readonly _tag: S }> => output._tag === step
    return outputs.find(is) ?? assert.fail(step)
  }
  return {
    action: get("action"),
    experience: get("experience"),
    intention: get("intention"),
    update: get("update"),
    yield: get("yield")
  }
}
