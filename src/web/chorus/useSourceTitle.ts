/** What a source is called: the file or link that it came from, or the thread where it stands. */
import type { Prior } from "../../domain/chorus/ChorusModel.ts"
import type { PlainMessage } from "../../domain/thread/ThreadModel.ts"
import { erasedMark } from "../../domain/topic/SealedText.ts"
import { useClientState } from "../../react/useClientState.ts"
import type { IconName } from "../design/Icon.tsx"
import { useMessages } from "../language/Language.ts"
import { useThreadTopic, useThreadView } from "../topic/ThreadTopic.ts"
import { chorusMessages } from "./ChorusMessages.ts"

/** The last part of a path or a link. */
const fileName = (source: string): string => source.split(/[/\\]/).findLast((part) => part !== "") ?? source

const origins = new WeakMap<ReadonlyArray<PlainMessage>, ReadonlyMap<string, string>>()

/** The origins of the imported messages of a thread, by id: collected once per version of the thread, not per card. */
const originsOf = (messages: ReadonlyArray<PlainMessage>): ReadonlyMap<string, string> => {
  const known = origins.get(messages)
  if (known !== undefined) return known
  const found = new Map(messages.flatMap(({ id, source }) => source === null ? [] : [[id as string, source] as const]))
  origins.set(messages, found)
  return found
}

/** The title of a source, and its icon. */
export const useSourceTitle = (prior: Prior): { readonly icon: IconName; readonly title: string } => {
  const messages = useMessages(chorusMessages)
  const { id } = useThreadTopic()
  const isHere = prior.thread === id
  const origin = useThreadView(({ state }) => isHere ? originsOf(state.messages).get(prior.id) : undefined)
  const threadTitle = useClientState(({ erasedTitles, init }) =>
    erasedTitles.has(prior.thread)
      ? erasedMark
      : init?.threads.find(({ thread_id }) => thread_id === prior.thread)?.title ?? undefined
  )
  if (origin !== undefined) return { icon: "file", title: origin === erasedMark ? origin : fileName(origin) }
  return isHere
    ? { icon: "quote", title: messages.thisThread }
    : { icon: "hash", title: threadTitle ?? messages.otherThread }
}
