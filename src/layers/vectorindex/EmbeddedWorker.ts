/** The worker thread of the embedded engine: holds the indexes, and replies in order. An exception ends it. */
import { parentPort } from "node:worker_threads"
import type { RequestEnvelope, WorkerReply, WorkerRequest } from "./EmbeddedProtocol.ts"
import { FlatIndex, type ScoredId } from "./FlatIndex.ts"

const collections = new Map<string, FlatIndex>()

const requireIndex = (name: string): FlatIndex => {
  const index = collections.get(name)
  if (index === undefined) throw new Error(`collection ${name} was not opened`)
  return index
}

const execute = (request: WorkerRequest): ReadonlyArray<ScoredId> => {
  switch (request._tag) {
    case "Open":
      collections.set(request.collection, new FlatIndex(request.dimension))
      return []
    case "Upsert": {
      const index = requireIndex(request.collection)
      const { rows, vectors } = request.batch
      rows.forEach((row, i) => index.upsert(row, vectors.subarray(i * index.dimension, (i + 1) * index.dimension)))
      return []
    }
    case "Remove": {
      const index = requireIndex(request.collection)
      for (const id of request.ids) index.remove(id)
      return []
    }
    case "Search":
      return requireIndex(request.collection).search(request.vector, request.limit, request.filter)
  }
}

parentPort?.on("message", ({ id, request }: RequestEnvelope) => {
  const reply: WorkerReply = { id, hits: execute(request) }
  parentPort?.postMessage(reply, [])
})
