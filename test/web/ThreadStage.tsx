/** A thread whose view a test sets, and what components do with it: the commands that they send, the messages that they show. */
import { Effect, Stream } from "effect"
import type { ReactNode } from "react"
import type { Client, Topic, View } from "../../src/client/Client.ts"
import { ClientError, errorReason } from "../../src/client/ClientError.ts"
import * as ClientMachine from "../../src/client/ClientMachine.ts"
import type { State } from "../../src/client/ClientModel.ts"
import * as Replica from "../../src/client/Replica.ts"
import type { UserId } from "../../src/domain/protocol/Ids.ts"
import type { ThreadSummary } from "../../src/domain/protocol/Protocol.ts"
import { threadKind } from "../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../src/domain/thread/ThreadModel.ts"
import { ChoirProvider } from "../../src/react/ClientContext.ts"
import { ToastProvider } from "../../src/web/design/Toast.tsx"
import { type Language, LanguageContext, pageLanguage } from "../../src/web/language/Language.ts"
import { ShowMessageProvider, type ThreadCommand, ThreadTopicProvider } from "../../src/web/topic/ThreadTopic.ts"
import { topicId, userId } from "../support/TopicWorld.ts"

const unused = () => Effect.die("not a part of this stage")

/** The thread of user 0. */
export class ThreadStage {
  readonly id = topicId("thread:t")
  readonly sent: Array<ThreadCommand> = []
  readonly shown: Array<string> = []
  /** Why the next command is rejected, if it is. */
  rejection: string | undefined
  private view: View<ThreadModel.State>
  private readonly listeners = new Set<() => void>()
  private readonly threads: ReadonlyArray<ThreadSummary>

  constructor(state: Partial<ThreadModel.State> = {}, threads: ReadonlyArray<ThreadSummary> = []) {
    const initial = { ...threadKind.initial(this.id), status: "active" as const, co_authors: [userId(0)], ...state }
    this.view = { ...Replica.make(this.id, threadKind), position: { epoch: "e", seq: 1 }, confirmed: initial, base: initial, state: initial }
    this.threads = threads
  }

  /** Shows another state of the thread. */
  change(state: Partial<ThreadModel.State>): void {
    this.publish({ ...this.view, state: { ...this.view.state, ...state } })
  }

  /** Shows the text of a step so far. */
  stream(partial: Replica.PartialOutput): void {
    this.publish({ ...this.view, partialOutputs: [partial] })
  }

  private publish(view: View<ThreadModel.State>): void {
    this.view = view
    for (const listener of this.listeners) listener()
  }

  private readonly subscribe = (listener: () => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private readonly topic: Topic<ThreadModel.State, ThreadCommand> = {
    id: this.id,
    view: () => this.view,
    onView: (listener) => this.subscribe(() => listener(this.view)),
    onEvents: () => () => {},
    views: Stream.empty,
    [Symbol.asyncIterator]: () => Stream.toAsyncIterable(Stream.empty)[Symbol.asyncIterator](),
    send: unused,
    sendPromise: (command) => {
      this.sent.push(command)
      return this.rejection === undefined
        ? Promise.resolve({ topic: this.id, seq: 1 })
        : Promise.reject(new ClientError({ reason: errorReason("forbidden", this.rejection) }))
    },
    signal: () => {}
  }

  private client(me: UserId): Client {
    const config = { kinds: new Map(), me, instance: "i".repeat(36), host: undefined, signCommands: false }
    const initial = ClientMachine.initial(config)
    // Of the server's greeting only what components read.
    const state = { ...initial, init: { threads: this.threads } } as State
    return {
      me,
      state: () => state,
      phase: () => ClientMachine.phase(initial),
      onChange: () => () => {},
      start: () => {},
      stop: () => {},
      topic: () => this.topic as never,
      threads: unused,
      messages: unused,
      user: unused(),
      signOut: unused()
    }
  }

  /** Components on this thread, as a user sees them. */
  element(
    children: ReactNode,
    { language = "en", me = userId(0) }: { readonly language?: Language; readonly me?: UserId } = {}
  ): ReactNode {
    return (
      <LanguageContext value={pageLanguage(language, [])}>
        <ChoirProvider client={this.client(me)}>
          <ThreadTopicProvider id={this.id}>
            <ShowMessageProvider value={(id) => this.shown.push(id) > 0}>
              <ToastProvider>{children}</ToastProvider>
            </ShowMessageProvider>
          </ThreadTopicProvider>
        </ChoirProvider>
      </LanguageContext>
    )
  }
}
