/** Who is present in a topic, and the signals that they share, as hooks. Both exist only while connected. */
import { useCallback } from "react"
import type { Topic, View } from "../client/Client.ts"
import type { State } from "../client/ClientModel.ts"
import type { ReceivedSignal } from "../client/Replica.ts"
import type { UserId } from "../domain/protocol/Ids.ts"
import { useClientState } from "./useClientState.ts"
import { useView } from "./useTopic.ts"

/** A user who is present, with the ids of their connections. */
export interface PresentUser {
  readonly user: UserId
  readonly connections: ReadonlyArray<string>
}

const noPresence: ReadonlyArray<PresentUser> = []

const presentUsers = (view: View | undefined): ReadonlyArray<PresentUser> =>
  view === undefined ? noPresence : Array.from(
    Map.groupBy(view.presence, ({ user }) => user),
    ([user, entries]) => ({ user, connections: entries.map(({ connection }) => connection) })
  )

/** The users who are present in a topic, oneself among them, each once (ROO2). */
export const usePresence = <S, C>(topic: Topic<S, C>): ReadonlyArray<PresentUser> => useView(topic, presentUsers)

const ownConnection = ({ connection }: State): string | undefined =>
  connection._tag === "Online" ? connection.connectionId : undefined

const noSignals: ReadonlyArray<ReceivedSignal> = []

/** The latest signal of each other connection under a key (ROO3). `topic.signal` sends one's own. */
export const useSignals = <S, C>(topic: Topic<S, C>, key: string): ReadonlyArray<ReceivedSignal> => {
  const own = useClientState(ownConnection)
  const select = useCallback(
    (view: View | undefined) =>
      view?.signals.filter((signal) => signal.key === key && signal.connection !== own) ?? noSignals,
    [key, own]
  )
  return useView(topic, select)
}
