/** Components in chunks of their own, which load ahead of their first use and may fail to load. */
import { type ComponentType, createElement, type ReactNode, use } from "react"
import { whenIdle } from "../design/whenIdle.ts"

/** A component that suspends until its chunk is there. */
export interface LazyPart<P> {
  readonly Part: (props: P) => ReactNode
  /** Loads the chunk. */
  readonly preload: () => Promise<unknown>
}

/** Makes a part. Unlike `React.lazy`, it asks again after a failure: the page may have been offline. */
export const lazyPart = <P extends object>(load: () => Promise<ComponentType<P>>): LazyPart<P> => {
  let loading: Promise<ComponentType<P>> | undefined
  const start = (): Promise<ComponentType<P>> => {
    const started: Promise<ComponentType<P>> = load().then((component) => {
      // As React marks a promise that it has seen. Without the mark `use` suspends at first, and React leaves a fallback on the
      // screen for 300 ms.
      Object.assign(started, { status: "fulfilled", value: component })
      return component
    }).catch((error: unknown) => {
      // Not before React has shown the failure: until then it renders with the same promise again.
      setTimeout(() => {
        loading = undefined
      })
      throw error
    })
    return started
  }
  const preload = () => loading ??= start()
  return { Part: (props) => createElement(use(preload()), props), preload }
}

/** Loads parts one after another in idle time. One that fails is loaded when it is used. Returns what stops it. */
export const preloadWhenIdle = (parts: ReadonlyArray<Pick<LazyPart<never>, "preload">>): () => void => {
  const [part, ...others] = parts
  if (part === undefined) return () => {}
  let cancel = whenIdle(() => {
    const next = () => {
      cancel = preloadWhenIdle(others)
    }
    let stopped = false
    cancel = () => {
      stopped = true
    }
    part.preload().catch(() => {}).finally(() => stopped ? undefined : next())
  })
  return () => cancel()
}
