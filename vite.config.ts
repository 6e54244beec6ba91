import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

export default defineConfig({
  root: "src/web",
  plugins: [react()],
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    target: "es2023",
    // These know light-dark(), :dir() and layers, which cannot be written in other words for older ones.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The page's policy allows neither inline scripts nor anything from elsewhere (SEC31).
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0
  },
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:4100", ws: true } } }
})
