/** Which model answers a step (CHO12). Pure; `layers/chorus/ChorusLive` calls the model that is chosen. */
import type { PlainRun, Step } from "./ChorusModel.ts"

/** The models of a server: the main one, others for single steps, and one to fall back to. */
export interface Models<M> {
  readonly primary: M
  readonly steps: Partial<Readonly<Record<Step, M>>>
  readonly fallback: M | undefined
}

/** The attempt of a step, counted from 0, from which on the fallback answers. */
const fallbackAttempt = 2

/** CHO12, CHO6: the fallback after two failed attempts, else the step's own model, else the main one. */
export const chooseModel = <M>({ attempt, current_step }: PlainRun, { fallback, primary, steps }: Models<M>): M =>
  fallback !== undefined && attempt >= fallbackAttempt ? fallback : steps[current_step] ?? primary

/** CHO12: the fallback answers at once where a retry is useless, unless text was shown: two texts would be mixed. */
export const fallsBackAtOnce = (error: { readonly retryable: boolean }, hasShownText: boolean): boolean =>
  !error.retryable && !hasShownText
