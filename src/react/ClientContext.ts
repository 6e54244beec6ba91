/** The client that the hooks of this folder use, as a React context. */
import { createContext, createElement, type ReactNode, useContext } from "react"
import type { Client } from "../client/Client.ts"

const ClientContext = createContext<Client | undefined>(undefined)

/** Gives a client to all components below it. Who makes the client closes it: the provider does neither. */
export const ChoirProvider = ({ children, client }: {
  readonly client: Client
  readonly children?: ReactNode
}): ReactNode => createElement(ClientContext, { value: client }, children)

/** The client of the nearest `ChoirProvider`. Throws without one. */
export const useClient = (): Client => {
  const client = useContext(ClientContext)
  if (client === undefined) throw new Error("This component is outside of a ChoirProvider.")
  return client
}
