/** What is asked of the open thread from outside of its page, for example by the palette of commands. */
import { useEffect, useEffectEvent } from "react"

/** To turn the composer to the Chorus, or to open the dialog of people. */
export type ThreadRequest = "ask" | "people"

const requests = new EventTarget()

/** Asks the open thread for something; without one, nothing happens. */
export const requestOfThread = (request: ThreadRequest): void => {
  requests.dispatchEvent(new Event(request))
}

/** Does what is asked while the component is mounted. */
export const useThreadRequest = (request: ThreadRequest, onRequest: () => void): void => {
  const handle = useEffectEvent(onRequest)
  useEffect(() => {
    const listener = () => handle()
    requests.addEventListener(request, listener)
    return () => requests.removeEventListener(request, listener)
  }, [request])
}
