/** This side of the embedded engine's worker thread: questions out, answers in, and word of its death. */
import { Effect } from "effect"
import { Worker } from "node:worker_threads"
import { Unreachable, VectorIndexError } from "../../services/VectorIndex.ts"
import type { RequestEnvelope, WorkerReply, WorkerRequest } from "./EmbeddedProtocol.ts"
import type { ScoredId } from "./FlatIndex.ts"

/** One worker. Once dead it stays dead: every call fails. */
export interface WorkerClient {
  readonly isAlive: () => boolean
  /** Answers come in the order of the calls. The request's vectors are handed over, not copied. */
  readonly call: (request: WorkerRequest) => Effect.Effect<ReadonlyArray<ScoredId>, VectorIndexError>
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
export const start: Effect.Effect<WorkerClient> = Effect.sync(() => {
  const worker = new Worker(workerFile)
  const pendingCalls = new Map<number, (outcome: Effect.Effect<ReadonlyArray<ScoredId>, VectorIndexError>) => void>()
  let callCount = 0
  let exitError: VectorIndexError | undefined

  const failPending = (cause: unknown) => {
    exitError ??= unreachable(cause)
    for (const resume of pendingCalls.values()) resume(Effect.fail(exitError))
    pendingCalls.clear()
  }
  worker.on("message", ({ hits, id }: WorkerReply) => {
    pendingCalls.get(id)?.(Effect.succeed(hits))
    pendingCalls.delete(id)
  })
  worker.on("messageerror", failPending)
  worker.on("error", failPending)
  worker.on("exit", (code) => failPending(`exit code ${code}`))

  return {
    isAlive: () => exitError === undefined,
    call: (request) =>
      Effect.callback((resume) => {
        if (exitError !== undefined) return resume(Effect.fail(exitError))
        const envelope: RequestEnvelope = { id: ++callCount, request }
        pendingCalls.set(envelope.id, resume)
        worker.postMessage(envelope, request._tag === "Upsert" ? [request.batch.vectors.buffer as ArrayBuffer] : [])
        return Effect.sync(() => void pendingCalls.delete(envelope.id))
      }),
    stop: Effect.promise(() => worker.terminate()).pipe(Effect.asVoid)
  }
})
