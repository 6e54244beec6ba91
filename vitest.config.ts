import { defineConfig } from "vitest/config"

// Timeouts only end tests that hang: they are some thirty times the usual duration, for slow and busy machines.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/simulation/**", "test/react/**", "test/web/**"],
          setupFiles: ["test/support/Seed.ts"],
          // Files share their modules and both cores: loading Effect anew for each took more time than the tests.
          isolate: false,
          maxWorkers: "100%",
          testTimeout: 600_000,
          hookTimeout: 600_000
        }
      },
      {
        // React components and hooks, in a document without a browser; `test/e2e` has a real one.
        test: {
          name: "page",
          include: ["test/{react,web}/**/*.test.{ts,tsx}"],
          environment: "happy-dom",
          setupFiles: ["test/support/Seed.ts"],
          isolate: false,
          maxWorkers: "100%",
          testTimeout: 600_000,
          hookTimeout: 600_000
        }
      },
      {
        // The ranges of seeds run in processes of their own, one per core of CI, and the planted bugs beside them.
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          maxWorkers: "100%",
          testTimeout: 900_000
        }
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false
        }
      }
    ]
  }
})
