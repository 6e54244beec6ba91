/**
 * An exact cosine index in memory: blocks of vectors, and posting lists for the filters. A deletion moves the last row
 * into the gap.
 *
 * Runs in a worker thread, so its imports must load fast.
 */
import type { Payload, Point } from "../../domain/search/VectorPoint.ts"
import { compareHits, type Filter, type FilterFields, toClauses } from "../../domain/search/VectorQuery.ts"
import { makeBlock, paddedLength, rowsPerBlock, type VectorBlock } from "./SimdKernel.ts"

/** A point without its text and vector: the fields that the index keeps in memory besides the vector. */
export interface Row extends FilterFields, Pick<Payload, "version"> {
  readonly id: string
}

/** The fields of a row alone. */
export const toRow = ({ author, id, thread, version, visibility }: Row): Row => ({
  author,
  id,
  thread,
  version,
  visibility
})

/** The row of a point. */
export const rowOfPoint = ({ id, payload }: Point): Row => toRow({ id, ...payload })

/** A row that was found, and its cosine. */
export interface ScoredId {
  readonly id: string
  readonly score: number
}

/** Below this share of matching rows in a block, only those are multiplied. */
const sparseThreshold = 0.3

/** The vectors of one collection, all of one dimension. */
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

  /** Replaces the row unless its version is newer or equal. `vector` is normalised and of the dimension. */
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
  search(query: ArrayLike<number>, limit: number, filter: Filter): ReadonlyArray<ScoredId> {
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
        for (let i = 0; i < chosen; i++) this.addCandidate(top, block.products[i]!, base + block.rowNumbers[i]!)
      } else {
        block.multiplyAll(n)
        for (let i = 0; i < n; i++) {
          if (mask === undefined || mask[base + i] === 1) this.addCandidate(top, block.products[i]!, base + i)
        }
      }
    }
    return top.hits
  }

  private addCandidate(top: TopK, score: number, at: number): void {
    if (score >= top.minScore) top.push({ id: this.rows[at]!.id, score })
  }

  /** 1 for each row that matches; undefined when all do. */
  private mask(filter: Filter): Uint8Array | undefined {
    const clauses = toClauses(filter)
    if (clauses.length === 0) return undefined
    // How many of the clauses hold for each row, counted up clause by clause.
    const counts = new Uint8Array(this.rows.length)
    clauses.forEach((terms, i) => {
      for (const { field, values } of terms) {
        for (const value of values) {
          for (const at of this.postings.get(postingKey(field, value)) ?? []) if (counts[at] === i) counts[at] = i + 1
        }
      }
    })
    return counts.map((count) => (count === clauses.length ? 1 : 0))
  }

  private vectorAt(at: number): Float32Array {
    const width = paddedLength(this.dimension)
    const block = this.blocks[Math.floor(at / rowsPerBlock)] ??= makeBlock(this.dimension)
    const start = (at % rowsPerBlock) * width
    return block.rows.subarray(start, start + width)
  }

  private addPostings(at: number): void {
    for (const key of postingKeys(this.rows[at]!)) {
      const posting = this.postings.get(key)
      if (posting === undefined) this.postings.set(key, new Set([at]))
      else posting.add(at)
    }
  }

  private removePostings(at: number): void {
    for (const key of postingKeys(this.rows[at]!)) {
      const posting = this.postings.get(key)
      posting?.delete(at)
      if (posting?.size === 0) this.postings.delete(key)
    }
  }
}

const postingKey = (field: keyof FilterFields, value: string): string => `${field}:${value}`

const postingKeys = (row: Row) => [
  postingKey("thread", row.thread),
  postingKey("author", row.author),
  postingKey("visibility", row.visibility)
]

/** Writes the numbers of a block's matching rows to `list`; returns their count. */
const selectRows = (mask: Uint8Array, base: number, n: number, list: Uint32Array): number => {
  let chosen = 0
  for (let i = 0; i < n; i++) if (mask[base + i] === 1) list[chosen++] = i
  return chosen
}

/** The best `limit` hits so far, best first. */
class TopK {
  readonly hits: Array<ScoredId> = []
  minScore = -Infinity
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  push(hit: ScoredId): void {
    let at = this.hits.length
    while (at > 0 && compareHits(hit, this.hits[at - 1]!) < 0) at--
    if (at >= this.limit) return
    this.hits.splice(at, 0, hit)
    if (this.hits.length > this.limit) this.hits.pop()
    if (this.hits.length === this.limit) this.minScore = this.hits[this.limit - 1]!.score
  }
}
