import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Component, type ReactNode, StrictMode } from "react"
import type { Client } from "../../src/client/Client.ts"
import { type ClientOptions, useOpenClient } from "../../src/react/index.ts"
import { change, mount } from "./Mounted.tsx"
import { awaitClient, scriptedOptions } from "./ScriptedConnection.ts"

/** Shows whether there is a client, and tells which. */
const Page = ({ onClient, options }: {
  readonly options: ClientOptions | undefined
  readonly onClient?: (client: Client | undefined) => void
}): ReactNode => {
  const client = useOpenClient(options)
  onClient?.(client)
  return client === undefined ? "no client" : client.me
}

class Boundary extends Component<{ readonly children: ReactNode }, { readonly message?: string }> {
  override state: { readonly message?: string } = {}

  static getDerivedStateFromError(error: unknown) {
    return { message: String(error) }
  }

  override render() {
    return this.state.message ?? this.props.children
  }
}

describe("useOpenClient", () => {
  it.live("opens a client for as long as the component is mounted; no socket is left, in strict mode either", () =>
    Effect.gen(function*() {
      const { connection, options } = yield* scriptedOptions
      let current: Client | undefined
      const onClient = (client: Client | undefined) => void (current = client)
      const page = yield* mount(<StrictMode><Page options={options} onClient={onClient} /></StrictMode>)
      assert.strictEqual(page.text(), options.identity.publicKey)
      const client = current!
      yield* awaitClient(client, (state) => state.connection._tag === "Online")
      assert.deepStrictEqual([connection.opened, connection.open], [2, 1])
      // Other options do not open another one.
      yield* page.render(<StrictMode><Page options={{ ...options, kinds: [] }} onClient={onClient} /></StrictMode>)
      assert.deepStrictEqual([connection.opened, current], [2, client])
      yield* page.render(null)
      assert.strictEqual(connection.open, 0)
      assert.strictEqual(client.phase()._tag, "Disconnected")
    }))

  it.live("opens another client for another user, and none without options", () =>
    Effect.gen(function*() {
      const first = yield* scriptedOptions
      const second = yield* scriptedOptions
      const page = yield* mount(<Page options={undefined} />)
      assert.strictEqual(page.text(), "no client")
      for (const { connection, options } of [first, second]) {
        yield* page.render(<Page options={options} />)
        yield* change(() => {})
        assert.deepStrictEqual([page.text(), connection.open], [options.identity.publicKey, 1])
      }
      yield* page.render(<Page options={undefined} />)
      assert.deepStrictEqual([page.text(), first.connection.open, second.connection.open], ["no client", 0, 0])
    }))

  it.live("gives an error boundary what makes a client impossible", () =>
    Effect.gen(function*() {
      const { options } = yield* scriptedOptions
      const page = yield* mount(<Boundary><Page options={{ ...options, url: "nowhere" }} /></Boundary>)
      assert.match(page.text(), /TypeError/)
    }))
})
