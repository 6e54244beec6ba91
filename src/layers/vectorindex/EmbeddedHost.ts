/** This side of the embedded engine's worker thread: questions out, answers in, and word of its death. */
import { Effect } from "effect"
import { Worker } from "node:worker_threads"
import { Unreachable, VectorIndexError } from "../../services/VectorIndex.ts"
import type { Envelope, Reply, Request } from "./EmbeddedProtocol.ts"
import type { Found } from "./FlatIndex.ts"

/** One worker. Once dead it stays dead: every call fails. */
export interface Host {
  readonly alive: () => boolean
  /** Answers come in the order of the calls. The request's vectors are handed over, not copied. */
  readonly call: (request: Request) => Effect.Effect<ReadonlyArray<Found>, VectorIndexError>
  readonly stop: Effect.Effect<void>
}

// The same file runs from source, where Node strips the types, and from the build.
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./EmbeddedWorker.ts" : "./EmbeddedWorker.js",
  import.meta.url
)

const unreachable = (cause: unknown) =>
  new VectorIndexError({ reason: new Unreachable({ detail: "the search worker ended", cause }) })

/** Starts a worker with empty indexes. */
export const start: Effect.Effect<Host> = Effect.sync(() => {
  const worker = new Worker(workerFile)
  const waiting = new Map<number, (outcome: Effect.Effect<ReadonlyArray<Found>, VectorIndexError>) => void>()
  let calls = 0
  let death: VectorIndexError | undefined

  const die = (cause: unknown) => {
    death ??= unreachable(cause)
    for (const resume of waiting.values()) resume(Effect.fail(death))
    waiting.clear()
  }
  worker.on("message", ({ found, id }: Reply) => {
    waiting.get(id)?.(Effect.succeed(found))
    waiting.delete(id)
  })
  worker.on("messageerror", die)
  worker.on("error", die)
  worker.on("exit", (code) => die(`exit code ${code}`))

  return {
    alive: () => death === undefined,
    call: (request) =>
      Effect.callback((resume) => {
        if (death !== undefined) return resume(Effect.fail(death))
        const envelope: Envelope = { id: ++calls, request }
        waiting.set(envelope.id, resume)
        worker.postMessage(envelope, request._tag === "Upsert" ? [request.batch.vectors.buffer as ArrayBuffer] : [])
        return Effect.sync(() => void waiting.delete(envelope.id))
      }),
    stop: Effect.promise(() => worker.terminate()).pipe(Effect.asVoid)
  }
})
