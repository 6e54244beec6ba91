/**
 * Seeded pseudo-random numbers in named, independent streams: a draw from one stream does not shift another, so a
 * change to one part of the simulator leaves the other parts of a seed as they were.
 */
import type { Random } from "effect"

/** FNV-1a, 32 bits: the seed of a stream from its name. */
const fnv1a = (text: string): number => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

/**
 * One stream: a Weyl sequence with a 32-bit mixer (Hash Prospector, 16-21f0aaad-15-735a2d97-15). Not for
 * cryptography.
 */
export class SeededRandom implements Random.Random {
  private readonly name: string
  private state: number

  constructor(name: string) {
    this.name = name
    this.state = fnv1a(name)
  }

  /** A stream that depends on this one's name only. Renaming a stream changes what every seed does. */
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

  /** A uniform integer in `[low, high]`. */
  int(low: number, high: number): number {
    return low + Math.floor(this.nextDoubleUnsafe() * (high - low + 1))
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.nextDoubleUnsafe() < probability
  }

  /** A uniformly chosen item. */
  pick<A>(items: ReadonlyArray<A>): A {
    const item = items[this.int(0, items.length - 1)]
    if (item === undefined) throw new RangeError("cannot pick from an empty list")
    return item
  }

  /** `count` uniform bytes. */
  readonly bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.int(0, 255))
}
