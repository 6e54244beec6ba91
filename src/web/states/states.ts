/** Every state of the page: what the server has, how it behaves, and what is opened. */
import type { Language } from "../language/Language.ts"
import * as people from "./fixturePeople.ts"
import { answerStart, outputs } from "./fixtureRun.ts"
import type { FixtureOptions } from "./FixtureServer.ts"
import type { FixtureThread } from "./FixtureThread.ts"
import * as threads from "./fixtureThreads.ts"
import { press, pressKey, settle, write } from "./userActions.ts"

/** A state of the page. */
export interface PageState extends Partial<FixtureOptions> {
  /** The thread that is open. */
  readonly open?: FixtureThread["id"] | string | undefined
  /** What is done on the page then. */
  readonly act?: () => Promise<void>
  /** The secret of a key that was just made. */
  readonly secret?: string
  /** Without a key. */
  readonly isStranger?: boolean
  readonly language?: Language
  readonly direction?: "ltr" | "rtl"
  /** What must be on the page before it is looked at, as a selector. */
  readonly until?: string
}

const inThread = (thread: FixtureThread, options: Omit<PageState, "open" | "threads"> = {}): PageState => ({
  threads: threads.withOthers(thread),
  open: thread.id,
  ...options
})

const sentence = "The wind was 8.4 m/s at the east tower."

/** The banner about the connection. */
const banner = "[role=status] button"

const present = [people.ilyas, people.noor]

/** The states by name; each is made when it is shown, at the time of the states. */
export const states: { readonly [name: string]: () => PageState } = {
  onboarding: () => ({ isStranger: true }),
  "no-threads": () => ({ threads: [] }),
  "no-thread-open": () => ({ threads: threads.withOthers(threads.conversation()) }),
  "thread-empty": () => inThread(threads.empty()),
  thread: () => inThread(threads.conversation(), { present, typing: [people.ben] }),
  "thread-loading": () => inThread(threads.conversation(), { connection: "slow" }),
  "thread-refused": () => ({ threads: threads.withOthers(threads.conversation()), open: "thread:nowhere" }),
  "thread-closed": () => inThread(threads.closed()),
  "thread-long": () => inThread(threads.long()),
  "thread-in-german": () => inThread(threads.submission(), { present, typing: [people.ben], language: "de" }),
  "thread-right-to-left": () => inThread(threads.rightToLeft(), { direction: "rtl" }),
  "connection-lost": () => inThread(threads.conversation(), { connection: "lost", until: banner }),
  "connection-closed": () => inThread(threads.conversation(), { connection: "closed", until: banner }),
  ...Object.fromEntries(outputs.map(({ _tag }, step) => [
    `run-${_tag}`,
    () =>
      inThread(threads.running(step), { present, streamed: step === outputs.length - 1 ? answerStart : leadOf(step) })
  ])),
  "run-answered": () => inThread(threads.answered(), { present }),
  "run-failed": () => inThread(threads.failed()),
  "run-interrupted": () => inThread(threads.interrupted()),
  "run-queued": () => inThread(threads.queued()),
  erased: () => inThread(threads.erased()),
  "erased-title": () => inThread(threads.erasedTitle()),
  "submission-vote": () => inThread(threads.submission(), { present }),
  "submission-own": () => inThread(threads.ownSubmissions()),
  "submission-approved": () => inThread(threads.approved()),
  invitation: () => inThread(threads.invitation()),
  "composer-asking": () =>
    inThread(threads.conversation(), { act: () => press("Ask").then(() => write("Which rods are 16 mm?")) }),
  "composer-submission": () => inThread(threads.ofOthers(), { act: () => write(sentence) }),
  "composer-sending": () => inThread(threads.conversation(), { act: () => write(sentence).then(() => press("Send")) }),
  "composer-rejected": () =>
    inThread(threads.conversation(), {
      rejection: "the text has 32,811 bytes: the limit is 32,768",
      act: () => write(sentence).then(() => press("Send"))
    }),
  "answer-steps": () => inThread(threads.answered(), { act: () => press("Thought in 6 steps") }),
  "answer-source": () => inThread(threads.answered(), { act: () => press("Source 1") }),
  // The notice has a chunk of its own, which may come when all else stands still.
  "new-key": () =>
    inThread(threads.conversation(), {
      secret: `choir_sk_${"A".repeat(43)}`,
      act: () => settle("section button[aria-expanded]")
    }),
  "dialog-new-thread": () => atHome(() => press("New thread")),
  "dialog-key": () => atHome(() => press("Your key")),
  "dialog-settings": () => atHome(() => press("More").then(() => press("Settings"))),
  "dialog-settings-in-german": () => ({
    ...atHome(() => press("Mehr").then(() => press("Einstellungen"))),
    language: "de"
  }),
  "dialog-shortcuts": () => atHome(() => pressKey({ key: "?" })),
  "dialog-people": () => inThread(threads.invitation(), { present, act: () => press("People") }),
  "dialog-leave": () =>
    inThread(threads.conversation(), { act: () => openThreadMenu().then(() => press("Leave the thread")) }),
  "dialog-erase": () => inThread(threads.answered(), { act: () => press("Erase this question") }),
  "menu-of-page": () => atHome(() => press("More")),
  "menu-of-thread": () => inThread(threads.conversation(), { act: openThreadMenu }),
  palette: () => inThread(threads.conversation(), { act: () => pressKey({ key: "k", ctrlKey: true }) }),
  toast: () => inThread(threads.conversation(), { act: () => openThreadMenu().then(() => press("Copy the link")) })
}

const openThreadMenu = () => press("More about this thread")

const atHome = (act: () => Promise<void>): PageState => ({ threads: threads.withOthers(threads.conversation()), act })

/** The beginning of what a step writes. */
const leadOf = (step: number): string => {
  const { _tag, ...fields } = outputs[step]!
  const lead = Object.values(fields)[0]
  return typeof lead === "string" ? lead.slice(0, 40) : _tag
}
