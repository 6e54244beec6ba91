/** A setup file of Vitest: tells the points that a test file passed in its metadata. */
import { afterAll } from "vitest"

// oxlint-disable-next-line eslint/no-empty-pattern -- Vitest reads the pattern.
afterAll(({}, file) => {
  const { reachedPoints } = globalThis as { readonly reachedPoints?: ReadonlySet<string> }
  Object.assign(file.meta, { points: [...reachedPoints ?? []] })
})
