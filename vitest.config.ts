import { defineConfig } from "vitest/config"

// Timeouts only end tests that hang: they are at least ten times the usual duration, for busy machines.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/simulation/**"],
          setupFiles: ["test/support/Seed.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        // Its tests start processes of their own, one per core of CI.
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          testTimeout: 300_000,
          fileParallelism: false
        }
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false
        }
      }
    ]
  }
})
