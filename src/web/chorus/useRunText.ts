/** The text of a run that stands in the timeline. */
import type { PlainRun, Step } from "../../domain/chorus/ChorusModel.ts"
import { displayText } from "../../domain/chorus/ChorusOutput.ts"
import { useThreadView } from "../topic/ThreadTopic.ts"

/** A text and the step that wrote it. */
export interface RunText {
  readonly step: Step
  readonly text: string
}

/**
 * The text of the current step as it arrives. Until there is any, and when no step is under way, that of the step before: at last
 * the answer.
 */
export const useRunText = (
  { attempt, current_step, loop, prompt_id, status, steps }: PlainRun
): RunText | undefined => {
  const streamed = useThreadView(({ partialOutputs }) =>
    partialOutputs.find((partial) =>
      partial.prompt_id === prompt_id && partial.loop === loop && partial.step === current_step &&
      partial.attempt === attempt
    )?.text
  )
  if (status === "running" && streamed !== undefined && streamed !== "") return { step: current_step, text: streamed }
  const last = steps.at(-1)
  return last && { step: last.step, text: displayText(last.output) }
}
