/** Mounts the page. */
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import "./design/tokens.css"
import "./design/base.css"
import { Page } from "./app/Page.tsx"

const root = document.getElementById("root")
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>
  )
}
