/**
 * An exact cosine index in memory: blocks of vectors, posting lists for the
 * filters, deletion by moving the last row into the hole.
 *
 * Runs in a worker thread, so it imports nothing that takes time to load.
 */
import type { Payload } from "../../domain/search/VectorPoint.ts"
import { makeBlock, paddedLength, rowsPerBlock, type VectorBlock } from "./SimdKernel.ts"

/** What the index has to know of a point; texts stay in the database. */
export type PointTags = Pick<Payload, "thread" | "author" | "visibility" | "version">

export interface Row extends PointTags {
  readonly id: string
}

/** As `VectorPoint.Filter`: every given condition holds, an empty list matches nothing. */
export interface RowFilter {
  readonly readable?: ReadonlyArray<string>
  readonly threads?: ReadonlyArray<string>
  readonly visibility?: string
  readonly author?: string
}

export interface ScoredId {
  readonly id: string
  readonly score: number
}

/** Below this share of the rows, the rows are picked one by one instead of multiplied all. */
const sparseThreshold = 0.3

export class FlatIndex {
  readonly dimension: number
  private readonly blocks: Array<VectorBlock> = []
  private readonly rows: Array<Row> = []
  private readonly rowOf = new Map<string, number>()
  private readonly postings = new Map<string, Set<number>>()

  constructor(dimension: number) {
    this.dimension = dimension
  }

  get size(): number {
    return this.rows.length
  }

  /** An older or equal version changes nothing. `vector` is normalised and of the dimension. */
  upsert(row: Row, vector: ArrayLike<number>): void {
    const existing = this.rowOf.get(row.id)
    if (existing !== undefined && this.rows[existing]!.version >= row.version) return
    const at = existing ?? this.rows.length
    if (existing === undefined) this.rowOf.set(row.id, at)
    else this.removePostings(at)
    this.rows[at] = row
    this.addPostings(at)
    this.vectorAt(at).set(vector)
  }

  remove(id: string): void {
    const at = this.rowOf.get(id)
    if (at === undefined) return
    const last = this.rows.length - 1
    this.removePostings(at)
    this.rowOf.delete(id)
    if (at !== last) {
      const moved = this.rows[last]!
      this.removePostings(last)
      this.rows[at] = moved
      this.rowOf.set(moved.id, at)
      this.vectorAt(at).set(this.vectorAt(last))
      this.addPostings(at)
    }
    this.rows.length = last
    if (last % rowsPerBlock === 0) this.blocks.length = last / rowsPerBlock
  }

  /** The `limit` nearest rows, best first, ties by id. */
  search(query: ArrayLike<number>, limit: number, filter: RowFilter): ReadonlyArray<ScoredId> {
    const top = new TopK(limit)
    const mask = this.mask(filter)
    for (const [b, block] of this.blocks.entries()) {
      const base = b * rowsPerBlock
      const n = Math.min(rowsPerBlock, this.rows.length - base)
      const chosen = mask === undefined ? n : selectRows(mask, base, n, block.rowNumbers)
      if (chosen === 0) continue
      block.query.set(query)
      if (chosen < n * sparseThreshold) {
        block.multiplySelected(chosen)
        for (let i = 0; i < chosen; i++) this.offer(top, block.products[i]!, base + block.rowNumbers[i]!)
      } else {
        block.multiplyAll(n)
        for (let i = 0; i < n; i++) {
          if (mask === undefined || mask[base + i] === 1) this.offer(top, block.products[i]!, base + i)
        }
      }
    }
    return top.hits
  }

  private offer(top: TopK, score: number, at: number): void {
    if (score >= top.minScore) top.push({ id: this.rows[at]!.id, score })
  }

  /** 1 for each row that matches; undefined when all do. */
  private mask(filter: RowFilter): Uint8Array | undefined {
    const conditions: Array<ReadonlyArray<string>> = []
    if (filter.readable !== undefined) {
      conditions.push([
        "visibility:public",
        ...filter.readable.map((t) => `thread:${t}`)
      ])
    }
    if (filter.threads !== undefined) conditions.push(filter.threads.map((t) => `thread:${t}`))
    if (filter.visibility !== undefined) conditions.push([`visibility:${filter.visibility}`])
    if (filter.author !== undefined) conditions.push([`author:${filter.author}`])
    if (conditions.length === 0) return undefined
    // A row's count goes up by one with each condition it meets, in turn.
    const metConditions = new Uint8Array(this.rows.length)
    conditions.forEach((keys, i) => {
      for (const key of keys) {
        for (const at of this.postings.get(key) ?? []) if (metConditions[at] === i) metConditions[at] = i + 1
      }
    })
    return metConditions.map((count) => (count === conditions.length ? 1 : 0))
  }

  private vectorAt(at: number): Float32Array {
    const width = paddedLength(this.dimension)
    const block = this.blocks[Math.floor(at / rowsPerBlock)] ??= makeBlock(this.dimension)
    const start = (at % rowsPerBlock) * width
    return block.rows.subarray(start, start + width)
  }

  private addPostings(at: number): void {
    for (const key of keysOf(this.rows[at]!)) {
      const posting = this.postings.get(key)
      if (posting === undefined) this.postings.set(key, new Set([at]))
      else posting.add(at)
    }
  }

  private removePostings(at: number): void {
    for (const key of keysOf(this.rows[at]!)) {
      const posting = this.postings.get(key)
      posting?.delete(at)
      if (posting?.size === 0) this.postings.delete(key)
    }
  }
}

const keysOf = (row: Row) => [`thread:${row.thread}`, `author:${row.author}`, `visibility:${row.visibility}`]

/** Writes the numbers of a block's matching rows to `list`; returns how many. */
const selectRows = (mask: Uint8Array, base: number, n: number, list: Uint32Array): number => {
  let chosen = 0
  for (let i = 0; i < n; i++) if (mask[base + i] === 1) list[chosen++] = i
  return chosen
}

/** The best `limit` so far, in order. */
class TopK {
  readonly hits: Array<ScoredId> = []
  minScore = -Infinity
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  push(hit: ScoredId): void {
    let at = this.hits.length
    while (at > 0 && ranksBefore(hit, this.hits[at - 1]!)) at--
    if (at >= this.limit) return
    this.hits.splice(at, 0, hit)
    if (this.hits.length > this.limit) this.hits.pop()
    if (this.hits.length === this.limit) this.minScore = this.hits[this.limit - 1]!.score
  }
}

const ranksBefore = (a: ScoredId, b: ScoredId) => a.score > b.score || (a.score === b.score && a.id < b.id)
