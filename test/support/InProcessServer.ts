/** Runs the whole server in the test's own process, on a temporary folder and a free port. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Result, type Scope } from "effect"
import * as App from "../../src/layers/app/App.ts"
import * as Config from "../../src/layers/config/Config.ts"
import { temporaryFolder } from "./ServerProcess.ts"

/** Starts a server with settings and extensions; returns its URL. It stops with the scope. */
export const startInProcessServer = (
  env: Readonly<Record<string, string>> = {},
  extensions: App.Extensions = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = Result.getOrThrow(Config.parse({ CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: "0", ...env }))
    const context = yield* Layer.build(App.layer(settings, extensions).pipe(Layer.provide(NodeServices.layer)))
    return yield* Effect.map(App.ServerAddress, ({ url }) => url).pipe(Effect.provide(context))
  }).pipe(Effect.orDie)

/** The WebSocket endpoint of a server URL. */
export const socketUrl = (url: string): string => `${url.replace(/^http/, "ws")}/ws`
