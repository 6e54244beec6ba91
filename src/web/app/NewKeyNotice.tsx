/** The notice that the secret of a new key must be saved, once its chunk is there. */
import type { ReactNode } from "react"
import { FaultBoundary } from "./FaultBoundary.tsx"
import { saveKeyPart } from "./parts.ts"

/** The notice. */
export const NewKeyNotice = (props: { readonly secret: string; readonly onDone: () => void }): ReactNode => (
  <FaultBoundary fallback={null}>
    <saveKeyPart.Part {...props} />
  </FaultBoundary>
)
