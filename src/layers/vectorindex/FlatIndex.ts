/**
 * An exact cosine index in memory: blocks of vectors, posting lists for the
 * filters, deletion by moving the last row into the hole.
 *
 * Runs in a worker thread, so it imports nothing that takes time to load.
 */
import type { Payload } from "../../domain/storage/VectorPoint.ts"
import { type Block, blockRows, makeBlock, pad } from "./Kernel.ts"

/** What the index has to know of a point; texts stay in the database. */
export type Tags = Pick<Payload, "thread" | "author" | "visibility" | "version">

export interface Row extends Tags {
  readonly id: string
}

/** As `VectorPoint.Filter`: every given condition holds, an empty list matches nothing. */
export interface Filter {
  readonly readable?: ReadonlyArray<string>
  readonly threads?: ReadonlyArray<string>
  readonly visibility?: string
  readonly author?: string
}

export interface Found {
  readonly id: string
  readonly score: number
}

/** Below this share of the rows, the rows are picked one by one instead of multiplied all. */
const sparse = 0.3

export class FlatIndex {
  readonly dimension: number
  private readonly blocks: Array<Block> = []
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
    const known = this.rowOf.get(row.id)
    if (known !== undefined && this.rows[known]!.version >= row.version) return
    const at = known ?? this.rows.length
    if (known === undefined) this.rowOf.set(row.id, at)
    else this.unpost(at)
    this.rows[at] = row
    this.post(at)
    this.vectorAt(at).set(vector)
  }

  remove(id: string): void {
    const at = this.rowOf.get(id)
    if (at === undefined) return
    const last = this.rows.length - 1
    this.unpost(at)
    this.rowOf.delete(id)
    if (at !== last) {
      const moved = this.rows[last]!
      this.unpost(last)
      this.rows[at] = moved
      this.rowOf.set(moved.id, at)
      this.vectorAt(at).set(this.vectorAt(last))
      this.post(at)
    }
    this.rows.length = last
    if (last % blockRows === 0) this.blocks.length = last / blockRows
  }

  /** The `limit` nearest rows, best first, ties by id. */
  search(query: ArrayLike<number>, limit: number, filter: Filter): ReadonlyArray<Found> {
    const top = new Top(limit)
    const mask = this.mask(filter)
    for (const [b, block] of this.blocks.entries()) {
      const base = b * blockRows
      const n = Math.min(blockRows, this.rows.length - base)
      const chosen = mask === undefined ? n : select(mask, base, n, block.list)
      if (chosen === 0) continue
      block.query.set(query)
      if (chosen < n * sparse) {
        block.some(chosen)
        for (let i = 0; i < chosen; i++) this.offer(top, block.products[i]!, base + block.list[i]!)
      } else {
        block.all(n)
        for (let i = 0; i < n; i++) {
          if (mask === undefined || mask[base + i] === 1) this.offer(top, block.products[i]!, base + i)
        }
      }
    }
    return top.found
  }

  private offer(top: Top, score: number, at: number): void {
    if (score >= top.worst) top.push({ id: this.rows[at]!.id, score })
  }

  /** 1 for each row that matches; undefined when all do. */
  private mask(filter: Filter): Uint8Array | undefined {
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
    const met = new Uint8Array(this.rows.length)
    conditions.forEach((keys, i) => {
      for (const key of keys) {
        for (const at of this.postings.get(key) ?? []) if (met[at] === i) met[at] = i + 1
      }
    })
    return met.map((count) => (count === conditions.length ? 1 : 0))
  }

  private vectorAt(at: number): Float32Array {
    const width = pad(this.dimension)
    const block = this.blocks[Math.floor(at / blockRows)] ??= makeBlock(this.dimension)
    const start = (at % blockRows) * width
    return block.rows.subarray(start, start + width)
  }

  private post(at: number): void {
    for (const key of keysOf(this.rows[at]!)) {
      const posting = this.postings.get(key)
      if (posting === undefined) this.postings.set(key, new Set([at]))
      else posting.add(at)
    }
  }

  private unpost(at: number): void {
    for (const key of keysOf(this.rows[at]!)) {
      const posting = this.postings.get(key)
      posting?.delete(at)
      if (posting?.size === 0) this.postings.delete(key)
    }
  }
}

const keysOf = (row: Row) => [`thread:${row.thread}`, `author:${row.author}`, `visibility:${row.visibility}`]

/** Writes the numbers of a block's matching rows to `list`; returns how many. */
const select = (mask: Uint8Array, base: number, n: number, list: Uint32Array): number => {
  let chosen = 0
  for (let i = 0; i < n; i++) if (mask[base + i] === 1) list[chosen++] = i
  return chosen
}

/** The best `limit` so far, in order. */
class Top {
  readonly found: Array<Found> = []
  worst = -Infinity
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  push(one: Found): void {
    let at = this.found.length
    while (at > 0 && before(one, this.found[at - 1]!)) at--
    if (at >= this.limit) return
    this.found.splice(at, 0, one)
    if (this.found.length > this.limit) this.found.pop()
    if (this.found.length === this.limit) this.worst = this.found[this.limit - 1]!.score
  }
}

const before = (a: Found, b: Found) => a.score > b.score || (a.score === b.score && a.id < b.id)
