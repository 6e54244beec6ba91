/**
 * The operator's door (AUT8): a socket in the data folder, which only the folder's owner may use. What comes through it is done
 * by the server's principal, under the operator's name.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Cause, Effect, Layer, Random } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { CommandId, type SystemId } from "../../domain/protocol/Ids.ts"
import { EraseRequest, operatorFolder, operatorSocketName } from "../../domain/protocol/Operator.ts"
import type { Erase } from "../../domain/topic/Erasure.ts"
import { Topics } from "../../services/Topics.ts"
import { randomUuid } from "../runtime/Entropy.ts"

/** Erases as the operator, and tells where that is logged, or why it was refused. */
const erase = Effect.fnUntraced(function*() {
  const { operator, reason, seq, topic, paths } = yield* HttpServerRequest.schemaBodyJson(EraseRequest)
  const topics = yield* Topics
  const author: SystemId = `system:operator/${operator}`
  const input: typeof Erase.Encoded = { _tag: "erase", seq, reason, ...(paths === undefined ? undefined : { paths }) }
  const id = CommandId.make(randomUuid(yield* Random.Random))
  return yield* topics.submit(topic, { id, author, input }).pipe(
    Effect.match({
      onSuccess: (receipt) => HttpServerResponse.jsonUnsafe({ seq: receipt.seq }),
      onFailure: ({ message }) => HttpServerResponse.jsonUnsafe({ message }, { status: 409 })
    })
  )
})

const malformed = HttpServerResponse.jsonUnsafe({ message: "this request is not one of the operator's" }, {
  status: 400
})

const routes = HttpRouter.add(
  "POST",
  "/erase",
  Effect.catchTags(erase(), {
    HttpServerError: () => Effect.succeed(malformed),
    SchemaError: () => Effect.succeed(malformed)
  })
)

/**
 * Listens in the folder until the scope closes. The socket is named once it is private, in place of one that a killed server has
 * left, or of one of a server that ends now: that one does not take this name along.
 */
const listen = Effect.fnUntraced(function*(server: Server, folder: string) {
  const path = join(folder, operatorSocketName)
  // Node removes the name that a socket was bound to: it must not be the one that others use.
  const boundPath = join(folder, `${process.pid}`)
  yield* Effect.try(() => {
    // A folder of its own, so that there is no moment in which others may connect.
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
    rmSync(boundPath, { force: true })
  })
  yield* Effect.callback<void, Cause.UnknownError>((resume) => {
    server.once("error", (error) => resume(Effect.fail(new Cause.UnknownError(error))))
    server.listen(boundPath, () => resume(Effect.void))
  })
  const inode = yield* Effect.try(() => {
    chmodSync(boundPath, 0o600)
    const { ino } = statSync(boundPath)
    renameSync(boundPath, path)
    return ino
  })
  yield* Effect.addFinalizer(() =>
    Effect.ignore(Effect.try(() => statSync(path).ino === inode ? rmSync(path) : undefined))
  )
})

/** Listens while it is built. A data folder that can have no socket, such as one with too long a path, is served without one. */
export const layer = (dataFolder: string): Layer.Layer<never, never, Topics> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const folder = join(dataFolder, operatorFolder)
    const app = yield* HttpRouter.toHttpEffect(routes)
    const handler = yield* NodeHttpServer.makeHandler(app, { scope: yield* Effect.scope })
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => createServer(handler)),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    yield* listen(server, folder).pipe(
      Effect.catch(({ cause }) => Effect.logWarning(`the operator has no socket in ${folder}: ${String(cause)}`))
    )
  })).pipe(Layer.provide(NodeHttpServer.layerHttpServices), Layer.provide(HttpRouter.disableLogger))
