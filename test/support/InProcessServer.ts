/** The whole server in this process, on a folder and a port of its own. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Result, type Scope } from "effect"
import * as App from "../../src/layers/app/App.ts"
import * as Config from "../../src/layers/config/Config.ts"
import { temporaryFolder } from "./ServerProcess.ts"

/** Starts it with these settings, and what a test has of its own; its address. It stops with the scope. */
export const startInProcessServer = (
  env: Readonly<Record<string, string>> = {},
  extensions: App.Extensions = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = Result.getOrThrow(Config.parse({ CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: "0", ...env }))
    const context = yield* Layer.build(App.layer(settings, extensions).pipe(Layer.provide(NodeServices.layer)))
    return yield* Effect.map(App.ServerAddress, ({ url }) => url).pipe(Effect.provide(context))
  }).pipe(Effect.orDie)

/** Where its sockets are opened. */
export const socketUrl = (url: string): string => `${url.replace(/^http/, "ws")}/ws`
