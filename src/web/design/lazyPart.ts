/** Components in chunks of their own, which load ahead of their first use and may fail to load. */
import { type ComponentType, createElement, type ReactNode, useEffect, useEffectEvent, useState } from "react"
import { whenIdle } from "./whenIdle.ts"

/** A component that shows something else until its chunk is there. */
export interface LazyPart<P> {
  readonly Part: (props: P & LoadingProps) => ReactNode
  /** Loads the chunk; again after a failure, since the page may have been offline. */
  readonly preload: () => Promise<unknown>
}

interface LoadingProps {
  /** Shown until it is loaded; default: nothing. */
  readonly placeholder?: ReactNode
  /** It could not be loaded, and is not asked for again before it is mounted anew. Default: a fault of the component. */
  readonly onMissing?: () => void
}

/**
 * Makes a part. Not with `React.lazy` or `use`: after a fallback React waits for 300 ms before it shows what has come, which is
 * long for a menu, and it asks again and again for what cannot be loaded.
 */
export const lazyPart = <P extends object>(load: () => Promise<ComponentType<P>>): LazyPart<P> => {
  let loading: Promise<ComponentType<P>> | undefined
  let loaded: ComponentType<P> | undefined
  const start = async (): Promise<ComponentType<P>> => {
    try {
      return loaded = await load()
    } catch (error) {
      loading = undefined
      throw error
    }
  }
  const preload = () => loading ??= start()
  const Part = (props: P & LoadingProps): ReactNode => {
    const [Loaded, setLoaded] = useState(() => loaded)
    const onFailure = useEffectEvent((error: unknown) => {
      if (props.onMissing !== undefined) props.onMissing()
      else {
        setLoaded(() => {
          throw error
        })
      }
    })
    useEffect(() => {
      // By what was rendered: it may have been loaded since, and then nothing else would show it.
      if (Loaded !== undefined) return
      let isMounted = true
      preload().then((component) => setLoaded(() => component), (error: unknown) => isMounted && onFailure(error))
      return () => {
        isMounted = false
      }
    }, [Loaded])
    return Loaded === undefined ? props.placeholder : createElement(Loaded, props)
  }
  return { Part, preload }
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
