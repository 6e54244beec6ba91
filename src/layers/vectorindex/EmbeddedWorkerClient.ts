/** The client of the embedded engine's worker thread: sends requests, matches replies, and detects the worker's end. */
import { Effect } from "effect"
import { execArgv } from "node:process"
import { Worker } from "node:worker_threads"
import { Unreachable, VectorIndexError } from "../../services/VectorIndex.ts"
import type { RequestEnvelope, WorkerReply, WorkerRequest } from "./EmbeddedProtocol.ts"
import type { ScoredId } from "./FlatIndex.ts"

/** One worker. Once it has ended, every call fails. */
export interface WorkerClient {
  readonly isAlive: () => boolean
  /** Sends a request; replies arrive in the order of calls. The vectors of an upsert are transferred, not copied. */
  readonly call: (request: WorkerRequest) => Effect.Effect<ReadonlyArray<ScoredId>, VectorIndexError>
  readonly stop: Effect.Effect<void>
}

// From source Node strips the types; the build has a JavaScript file.
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./EmbeddedWorker.ts" : "./EmbeddedWorker.js",
  import.meta.url
)

/**
 * A worker inherits this process's flags, but cannot load a file with `--input-type`, which `node --eval` is given. Flags
 * of V8 are inherited only if `execArgv` is not set: named there, they are an error.
 */
const workerOptions = execArgv.some((argument) => argument.startsWith("--input-type")) ? { execArgv: [] } : {}

const unreachable = (cause: unknown) =>
  new VectorIndexError({ reason: new Unreachable({ detail: "the search worker ended", cause }) })

/** Starts a worker with empty indexes. */
export const start: Effect.Effect<WorkerClient> = Effect.sync(() => {
  const worker = new Worker(workerFile, workerOptions)
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
