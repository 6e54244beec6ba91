/** React components in a document, for tests. */
import { Effect, type Scope } from "effect"
import { act, type ReactNode, StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { vi } from "vitest"
import type { Client, Topic } from "../../src/client/Client.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import type { Plain } from "../../src/domain/topic/SealedText.ts"
import { ChoirProvider, useTopic } from "../../src/react/index.ts"
import { topic as lobby } from "../client/ScriptedServer.ts"

/** Components in a document. */
export interface Mounted {
  readonly container: HTMLElement
  readonly text: () => string
  readonly render: (element: ReactNode) => Effect.Effect<void>
}

/** Whether React expects that whoever changes its state announces it. */
const expectAct = (expected: boolean): void => void Reflect.set(globalThis, "IS_REACT_ACT_ENVIRONMENT", expected)

/** Calls what changes components, and lets them render. */
export const change = (call: () => unknown): Effect.Effect<void> =>
  Effect.promise(() => {
    expectAct(true)
    return act(async () => void call())
  })

/** Calls what changes components, which render when they do, as in a browser. */
export const changeLive = (call: () => unknown): Effect.Effect<void> =>
  Effect.sync(() => {
    expectAct(false)
    call()
  })

/** Mounts components, and unmounts them with the scope. */
export const mount = (element: ReactNode, changeBy = change): Effect.Effect<Mounted, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const container = document.createElement("main")
      // What a boundary has caught is for the test to look at.
      const root = createRoot(container, { onCaughtError: () => {} })
      const render = (element: ReactNode) => changeBy(() => root.render(element))
      yield* render(element)
      return { container, text: () => container.textContent, render }
    }),
    ({ render }) => render(null)
  )

/** Waits until a component shows what a condition asks for. */
export const waitUntil = (condition: () => void) =>
  Effect.promise(() =>
    vi.waitFor(condition, { timeout: 60_000, interval: 5 })
  )

/** Components on a client, in strict mode unless renders are counted. */
export const Tree = ({ children, client, strict = true }: {
  readonly client: Client
  readonly children: ReactNode
  readonly strict?: boolean
}): ReactNode => {
  const tree = <ChoirProvider client={client}>{children}</ChoirProvider>
  return strict ? <StrictMode>{tree}</StrictMode> : tree
}

/** Mounts components on a client. */
export const mountOn = (client: Client, element: ReactNode, strict = true): ReturnType<typeof mount> =>
  mount(<Tree client={client} strict={strict}>{element}</Tree>)

/** The room of the scripted server. */
export const useRoom = (): Topic<Plain<RoomModel.State>, RoomModel.CommandInput> => useTopic(roomKind, lobby)
