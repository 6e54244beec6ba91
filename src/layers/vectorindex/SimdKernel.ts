/**
 * The SIMD dot-product kernel, assembled from `SimdKernel.wat`, and the blocks of memory that it works on. After a change
 * of the text, assemble it with any WebAssembly text assembler, and replace the Base64.
 */

/** Rows in one block. */
export const rowsPerBlock = 4096

/** Memory for `rowsPerBlock` vectors, and the kernel bound to it. */
export interface VectorBlock {
  /** The rows, `paddedLength(dimension)` numbers each. */
  readonly rows: Float32Array
  readonly query: Float32Array
  /** Row numbers for `multiplySelected`. */
  readonly rowNumbers: Uint32Array
  readonly products: Float32Array
  /** Multiplies the query with the first n rows. */
  readonly multiplyAll: (n: number) => void
  /** Multiplies the query with the rows of the first n `rowNumbers`, in that order. */
  readonly multiplySelected: (n: number) => void
}

/** Vectors are padded with zeros to a multiple of 16 numbers. */
export const paddedLength = (dimension: number): number => Math.ceil(dimension / 16) * 16

// The types of Node's own library do not name WebAssembly.
declare const WebAssembly: {
  readonly Module: new(bytes: Uint8Array) => object
  readonly Memory: new(
    pages: { readonly initial: number; readonly maximum: number }
  ) => { readonly buffer: ArrayBuffer }
  readonly Instance: new(module: object, imports: object) => {
    readonly exports: {
      readonly all: (query: number, stride: number, n: number, out: number) => void
      readonly some: (query: number, stride: number, list: number, n: number, out: number) => void
    }
  }
}

const moduleBase64 =
  "AGFzbQEAAAABFwNgA39/fwF9YAR/f39/AGAFf39/f38AAg8BA2VudgZtZW1vcnkCAAEDBAMAAQIHDgIDYWxsAAEEc29tZQACCpgC" +
  "A6kBAgF/BHsgASACaiEDA0AgBCAB/QAEACAA/QAEAP3mAf3kASEEIAUgAf0ABBAgAP0ABBD95gH95AEhBSAGIAH9AAQgIAD9AAQg" +
  "/eYB/eQBIQYgByAB/QAEMCAA/QAEMP3mAf3kASEHIABBwABqIQAgAUHAAGohASABIANJDQALIAQgBf3kASAGIAf95AH95AEhBCAE" +
  "/R8AIAT9HwGSIAT9HwIgBP0fA5KSCzABAX8CQANAIAQgAk8NASADIARBAnRqIAAgBCABbCABEAA4AgAgBEEBaiEEDAALCws6AQJ/" +
  "AkADQCAFIANPDQEgBUECdCEGIAQgBmogACACIAZqKAIAIAFsIAEQADgCACAFQQFqIQUMAAsLCw=="

let compiledModule: object | undefined

/** A block of zeros. Its memory is taken from the system as it is written to. */
export const makeBlock = (dimension: number): VectorBlock => {
  compiledModule ??= new WebAssembly.Module(Buffer.from(moduleBase64, "base64"))
  const width = paddedLength(dimension)
  const stride = width * 4
  const query = rowsPerBlock * stride
  const list = query + stride
  const products = list + rowsPerBlock * 4
  const pages = Math.ceil((products + rowsPerBlock * 4) / 65_536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(compiledModule, { env: { memory } })
  return {
    rows: new Float32Array(memory.buffer, 0, rowsPerBlock * width),
    query: new Float32Array(memory.buffer, query, width),
    rowNumbers: new Uint32Array(memory.buffer, list, rowsPerBlock),
    products: new Float32Array(memory.buffer, products, rowsPerBlock),
    multiplyAll: (n) => exports.all(query, stride, n, products),
    multiplySelected: (n) => exports.some(query, stride, list, n, products)
  }
}
