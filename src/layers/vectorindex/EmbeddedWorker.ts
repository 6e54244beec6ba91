/** The worker thread of the embedded engine: holds the indexes, answers in order. A fault ends it. */
import { parentPort } from "node:worker_threads"
import type { Envelope, Reply, Request } from "./EmbeddedProtocol.ts"
import { FlatIndex, type Found } from "./FlatIndex.ts"

const collections = new Map<string, FlatIndex>()

const find = (name: string): FlatIndex => {
  const index = collections.get(name)
  if (index === undefined) throw new Error(`collection ${name} was not opened`)
  return index
}

const carryOut = (request: Request): ReadonlyArray<Found> => {
  switch (request._tag) {
    case "Open":
      collections.set(request.collection, new FlatIndex(request.dimension))
      return []
    case "Upsert": {
      const index = find(request.collection)
      const { rows, vectors } = request.batch
      rows.forEach((row, i) => index.upsert(row, vectors.subarray(i * index.dimension, (i + 1) * index.dimension)))
      return []
    }
    case "Remove": {
      const index = find(request.collection)
      for (const id of request.ids) index.remove(id)
      return []
    }
    case "Search":
      return find(request.collection).search(request.vector, request.limit, request.filter)
  }
}

parentPort?.on("message", ({ id, request }: Envelope) => {
  const reply: Reply = { id, found: carryOut(request) }
  parentPort?.postMessage(reply, [])
})
