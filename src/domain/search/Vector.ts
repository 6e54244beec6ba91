/**
 * Vectors as the indexes take them: finite, of the collection's dimension, not
 * zero, and of length one, so that the dot product is the cosine (STO2).
 */

export type Vector = ReadonlyArray<number>

/** Below this length a vector has no direction that single precision could keep. */
export const minNorm = 3.5e-4

const maxFloat32 = 3.4028234663852886e38

/** What is wrong with a vector. */
export type VectorFault = "dimension" | "not_finite" | "zero"

export const norm = (vector: Vector): number => {
  let sum = 0
  for (const x of vector) sum += x * x
  return Math.sqrt(sum)
}

/** Undefined for a vector that may be stored in, or searched for in, a collection of `dimension`. */
export const findFault = (vector: Vector, dimension: number): VectorFault | undefined => {
  if (vector.length !== dimension) return "dimension"
  if (!vector.every((x) => Math.abs(x) <= maxFloat32)) return "not_finite"
  return norm(vector) < minNorm ? "zero" : undefined
}

/**
 * The vector of length one in the same direction, in single precision: what
 * every engine then holds, bit for bit. Only for vectors without a `fault`.
 */
export const normalise = (vector: Vector): Vector => {
  const length = norm(vector)
  return vector.map((x) => Math.fround(x / length))
}

/** The cosine of two normalised vectors. */
export const dot = (a: Vector, b: Vector): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
