/**
 * Validation and normalisation of vectors. An index holds vectors that are finite, of the collection's dimension, not
 * zero (STO8) and of length one, so that the dot product of two is their cosine (STO2).
 */

/** The components of a vector. */
export type Vector = ReadonlyArray<number>

/** The smallest length of a valid vector: below it, single precision loses the direction. */
export const minNorm = 3.5e-4

const maxFloat32 = 3.4028234663852886e38

/** Why a vector is invalid: wrong number of components, a component that is not finite in single precision, length 0. */
export type VectorFault = "dimension" | "not_finite" | "zero"

/** The Euclidean length. */
export const norm = (vector: Vector): number => {
  let sum = 0
  for (const x of vector) sum += x * x
  return Math.sqrt(sum)
}

/** STO8: why the vector cannot be stored in or searched for in a collection of `dimension`; undefined if it can. */
export const findFault = (vector: Vector, dimension: number): VectorFault | undefined => {
  if (vector.length !== dimension) return "dimension"
  if (!vector.every((x) => Math.abs(x) <= maxFloat32)) return "not_finite"
  return norm(vector) < minNorm ? "zero" : undefined
}

/** The vector of length one in the same direction, in single precision as engines store it. Requires no `findFault`. */
export const normalise = (vector: Vector): Vector => {
  const length = norm(vector)
  return vector.map((x) => Math.fround(x / length))
}

/** The dot product: for normalised vectors, the cosine. */
export const dot = (a: Vector, b: Vector): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
