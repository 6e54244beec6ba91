/** Seeded randomness: the same seed throws the same numbers, and streams by name do not disturb each other. */
import type { Random } from "effect"

/** FNV-1a, to make a stream's seed of a name. */
const fnv1a = (text: string): number => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

/** A stream of numbers (a Weyl sequence, mixed), with the throws that simulations need. */
export class SeededRandom implements Random.Random {
  private readonly name: string
  private state: number

  constructor(name: string) {
    this.name = name
    this.state = fnv1a(name)
  }

  /** Another stream, which depends on this one's name only. */
  stream(name: string): SeededRandom {
    return new SeededRandom(`${this.name}/${name}`)
  }

  nextDoubleUnsafe(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }

  nextIntUnsafe(): number {
    return Math.floor((this.nextDoubleUnsafe() * 2 - 1) * Number.MAX_SAFE_INTEGER)
  }

  /** `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.nextDoubleUnsafe() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.nextDoubleUnsafe() < probability
  }

  pick<A>(items: ReadonlyArray<A>): A {
    const item = items[this.int(0, items.length - 1)]
    if (item === undefined) throw new RangeError("nothing to pick from")
    return item
  }

  readonly bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.int(0, 255))
}
