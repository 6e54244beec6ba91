import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

/**
 * What the first screen needs is one file: it compresses better than its parts, and takes one request. By the graph of
 * modules it would hold all of `effect` that any chunk uses; these are for making a key.
 */
const firstChunk = {
  name: "first",
  tags: ["$initial" as const],
  test: (id: string) => !/effect[\\/]dist[\\/]crypto[\\/](?:internal[\\/]|Signature|CryptoError)/.test(id)
}

export default defineConfig({
  root: "src/web",
  plugins: [react()],
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    target: "es2023",
    // One stylesheet: Vite does not ask again for that of a chunk which did not come, and would show the chunk without it.
    cssCodeSplit: false,
    // These know light-dark(), :dir() and layers, which cannot be written in other words for older ones.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The page's policy allows neither inline scripts nor anything from elsewhere (SEC31).
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { output: { codeSplitting: { includeDependenciesRecursively: false, groups: [firstChunk] } } }
  },
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:4100", ws: true } } }
})
