/**
 * Whether this process should get traffic (OPS3): false until recovery is complete, and again while draining (SYN11).
 */
import { Context, Layer, Ref } from "effect"

/** Read by `/health/ready` and by routes that must not serve while draining; set by the code that starts the server. */
export class Readiness extends Context.Service<Readiness, Ref.Ref<boolean>>()(
  "choir/layers/http/Readiness"
) {}

/** Not ready at first. */
export const layer: Layer.Layer<Readiness> = Layer.effect(Readiness, Ref.make(false))
