/** Packages that only some configurations need: loaded when a layer that needs one is built. */
import { Effect, Schema } from "effect"

/** A layer needs a package that is not installed; `install` is the command that installs it. */
export class PackageNotInstalled extends Schema.TaggedError<PackageNotInstalled>()("PackageNotInstalled", {
  layer: Schema.String,
  install: Schema.String
}) {
  override get message() {
    return `${this.layer} needs a package that is not installed: ${this.install}`
  }
}

const isNotFound = Schema.is(Schema.Struct({ code: Schema.Literal("ERR_MODULE_NOT_FOUND") }))

/** Loads a module for `layer`. Dies when the module exists but throws. */
export const load = <A>(
  layer: string,
  install: string,
  importModule: () => Promise<A>
): Effect.Effect<A, PackageNotInstalled> =>
  Effect.catchDefect(
    Effect.promise(importModule),
    (cause) => isNotFound(cause) ? Effect.fail(new PackageNotInstalled({ layer, install })) : Effect.die(cause)
  )
