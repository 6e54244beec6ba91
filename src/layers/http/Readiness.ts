/** Whether this process takes part: not before every topic was taken up again, and not while it drains (SYN11). */
import { Context, Layer, Ref } from "effect"

export class Readiness extends Context.Service<Readiness, Ref.Ref<boolean>>()(
  "choir/layers/http/Readiness"
) {}

/** Not ready, until somebody says so. */
export const layer: Layer.Layer<Readiness> = Layer.effect(Readiness, Ref.make(false))
