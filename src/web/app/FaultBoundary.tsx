/** Keeps a fault in one part of the page from ending all of it. */
import { Component, type ReactNode } from "react"

interface Props {
  readonly children: ReactNode
  /** Shown in place of the part. */
  readonly fallback: ReactNode
  readonly onFault?: () => void
}

/** The boundary; mounted anew, by another `key`, it tries again. */
export class FaultBoundary extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true }
  }
  override componentDidCatch(): void {
    this.props.onFault?.()
  }
  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children
  }
}
