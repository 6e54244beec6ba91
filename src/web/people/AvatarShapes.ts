/** What the avatar of a key looks like: its colours, and one shape in each quarter of a square of 32. */
import { sha256 } from "@noble/hashes/sha2.js"
import { Result } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"

const palettes = [
  { ground: "#5562a6", inks: ["#232c66", "#dfe3fa"] },
  { ground: "#d9a441", inks: ["#7a3b1d", "#f9ebc8"] },
  { ground: "#c2708a", inks: ["#6a2440", "#fbe3ea"] },
  { ground: "#2e7f86", inks: ["#0f4247", "#d3eef0"] },
  { ground: "#5d7f3f", inks: ["#2b431a", "#e4efcf"] },
  { ground: "#7a5c93", inks: ["#3d2552", "#e9dcf2"] },
  { ground: "#3e6c8f", inks: ["#16354d", "#d5e6f3"] },
  { ground: "#b5643c", inks: ["#5c2610", "#fae0d0"] },
  { ground: "#8a7f6a", inks: ["#413a2c", "#f3eddf"] },
  { ground: "#4f5b66", inks: ["#222a31", "#dde5ec"] }
] as const

/** Paths in a square of 16. */
const shapes = [
  "M0 0h16a16 16 0 0 1-16 16z", // quarter disc
  "M0 0h16L0 16z", // triangle
  "M0 0a8 8 0 0 0 16 0z", // half disc
  "M12.5 8a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0z", // dot
  "M0 0h16a16 16 0 0 1-16 16v-6a10 10 0 0 0 10-10z", // quarter of a ring
  "M0 0h16v6H0z" // bar
] as const

/** A shape in its quarter. */
export interface AvatarShape {
  readonly path: string
  readonly fill: string
  /** The corner of the quarter. */
  readonly x: 0 | 16
  readonly y: 0 | 16
  /** In degrees, around the middle of the quarter. */
  readonly turn: number
}

/** An avatar: the same for the same key, always and everywhere. */
export interface AvatarShapes {
  readonly ground: string
  readonly shapes: ReadonlyArray<AvatarShape>
}

const encoder = new TextEncoder()

const quarters = [[0, 0], [16, 0], [0, 16], [16, 16]] as const

/** The bytes of a key; of another text, which is no key, the text's own. */
const keyBytes = (publicKey: string): Uint8Array =>
  Result.getOrElse(Base64Url.decode(publicKey), () => encoder.encode(publicKey))

const draw = (publicKey: string): AvatarShapes => {
  const digest = sha256(keyBytes(publicKey))
  const { ground, inks } = palettes[digest[0]! % palettes.length]!
  return {
    ground,
    shapes: quarters.map(([x, y], quarter) => {
      const byte = digest[quarter + 1]!
      return {
        path: shapes[byte % shapes.length]!,
        fill: inks[byte >> 6 & 1]!,
        x,
        y,
        turn: 90 * (byte >> 3 & 3)
      }
    })
  }
}

/** One for each key that this page has shown, which are few: it is not emptied. */
const drawn = new Map<string, AvatarShapes>()

/** The avatar of a key. */
export const avatarShapes = (publicKey: string): AvatarShapes => {
  const known = drawn.get(publicKey)
  if (known !== undefined) return known
  const shapes = draw(publicKey)
  drawn.set(publicKey, shapes)
  return shapes
}
