/** A client that lives as long as a component. */
import { useEffect, useState } from "react"
import { type Client, open, type Options } from "../client/Client.ts"

/** How to reach a server, and as whom. */
export type ClientOptions = Options

/**
 * A client that is opened when the component is mounted and closed when it is unmounted; undefined until it is open, and
 * while there are no options. With another `url` or `identity` it is closed and a new one opened; other options are read
 * when it opens. Closing does not sign out. An error boundary gets what makes a client impossible, as a wrong `url`.
 */
export const useOpenClient = (options: ClientOptions | undefined): Client | undefined => {
  const [client, setClient] = useState<Client>()
  const { identity, url } = options ?? {}
  useEffect(() => {
    if (options === undefined) return undefined
    let isMounted = true
    const opening = open(options)
    opening.then((client) => isMounted ? setClient(client) : undefined, (error: unknown) => {
      if (isMounted) {
        setClient(() => {
          throw error
        })
      }
    })
    return () => {
      isMounted = false
      setClient(undefined)
      opening.then((client) => client.close()).catch(() => {})
    }
  }, [identity, url])
  return client
}
