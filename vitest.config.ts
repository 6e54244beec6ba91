import { defineConfig } from "vitest/config"

// Time limits end what hangs: ten times what a test takes, and more, for a machine that does other things as well.
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
        // Brings processes of its own, as many as there are cores here.
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
