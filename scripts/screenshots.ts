/**
 * Takes the README's pictures of the page: a real server, a real browser, people who write, and an answer of the built-in model.
 * Writes `docs/screenshot-light.png` and `docs/screenshot-dark.png`.
 *
 * Usage: `npm run build && npm run screenshots`
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import type { Browser, Page } from "playwright-core"
import * as Client from "../src/client/Client.ts"
import * as Keys from "../src/client/Keys.ts"
import { TopicId } from "../src/domain/protocol/Ids.ts"
import { threadKind } from "../src/domain/thread/Thread.ts"
import { browserTimeout, fromPromise, launchBrowser } from "../test/support/Browser.ts"
import { startServer, temporaryFolder } from "../test/support/ServerProcess.ts"

const question = "Why does the bridge sing only in a steady wind?"

const fieldNotes = [
  "# When it sings\n\nThe tone starts at 8.2 m/s and stays at 112 Hz until 9.6 m/s, although the wind keeps rising.",
  "## Where it comes from\n\nThe deck itself is quiet. Every hanger between the third and the ninth is not."
]

/** The thread as its people have written it, with the id of its topic. */
const writeThread = Effect.fnUntraced(function*(url: string, secret: string) {
  const connect = (secret: string) =>
    Effect.flatMap(Keys.fromSecret(secret), (identity) => Client.make({ url, identity, kinds: [threadKind] }))
  const ann = yield* connect(secret)
  const ben = yield* connect(yield* Keys.generateSecret)
  const cleo = yield* connect(yield* Keys.generateSecret)
  const create = Effect.fnUntraced(function*(name: string) {
    const id = Client.commandId()
    const topic = TopicId.make(`thread:${id}`)
    yield* ann.topic(threadKind, topic).send({ _tag: "create_thread", name }, id)
    return topic
  })
  for (const name of ["Tuning the wind tunnel", "Recordings of the winter", "Strouhal, by hand"]) yield* create(name)
  const topic = yield* create("Why does the bridge sing?")
  const send = (client: Client.Client, content: string) =>
    client.topic(threadKind, topic).send({ _tag: "submit_message", content })
  yield* ann.topic(threadKind, topic).send({ _tag: "invite_co_author", user: ben.me })
  yield* ann.topic(threadKind, topic).send({
    _tag: "import_messages",
    messages: fieldNotes.map((content) => ({ content, source: "field-notes.md" }))
  })
  yield* send(
    ben,
    "Listened to all of last week. **Gusts kill it.** The recorder shows nothing while the wind swings; "
      + "when it settles, the note is back within eight seconds."
  )
  yield* send(
    ben,
    "| Wind | Pitch | Heard as |\n|---|---|---|\n| 8.4 m/s | 112 Hz | a hum |\n| 9.3 m/s | 112 Hz | a clear note |\n| 10.1 m/s | none | hiss |"
  )
  yield* send(
    ann,
    "Then it locks in. For a round rod `f = 0.2 × U / d`: a 16 mm hanger at 9 m/s gives 112 Hz in a steady wind."
  )
  yield* send(
    cleo,
    "A 2 mm fillet wound around each hanger breaks the vortices up. The Vessen bridge has been quiet since."
  )
  return topic
})

/** A page of somebody who has a key, at an address. */
const openPage = (browser: Browser, url: string, secret: string, colorScheme: "light" | "dark") =>
  fromPromise(() => browser.newPage({ viewport: { width: 1280, height: 1000 }, colorScheme, locale: "en-GB" })).pipe(
    Effect.tap((page) => fromPromise(() => page.goto(url))),
    Effect.tap((page) => Effect.sync(() => page.setDefaultTimeout(browserTimeout))),
    Effect.tap((page) => fromPromise(() => page.getByRole("button", { name: "I have a key" }).click())),
    Effect.tap((page) => fromPromise(() => page.getByRole("textbox").fill(secret))),
    Effect.tap((page) => fromPromise(() => page.getByRole("button", { name: "Use this key" }).click())),
    Effect.tap((page) => fromPromise(() => page.getByRole("textbox", { name: "Your message" }).waitFor()))
  )

const ask = (page: Page) =>
  fromPromise(() => page.getByRole("button", { name: "Ask", exact: true }).click()).pipe(
    Effect.andThen(fromPromise(() => page.getByRole("textbox", { name: "Your question" }).fill(question))),
    Effect.andThen(fromPromise(() => page.keyboard.press("Enter")))
  )

const takePicture = (page: Page, path: string) =>
  fromPromise(() => page.getByRole("region", { name: "Answer of the Chorus" }).waitFor()).pipe(
    Effect.andThen(fromPromise(() => page.screenshot({ path, animations: "disabled", caret: "hide" })))
  )

const program = Effect.gen(function*() {
  const server = yield* startServer({ data: yield* temporaryFolder })
  const secret = yield* Keys.generateSecret
  const topic = yield* writeThread(server.url, secret)
  const browser = yield* launchBrowser
  const url = `${server.url}/#${topic}`
  const light = yield* openPage(browser, url, secret, "light")
  yield* ask(light)
  yield* takePicture(light, "docs/screenshot-light.png")
  yield* takePicture(yield* openPage(browser, url, secret, "dark"), "docs/screenshot-dark.png")
})

NodeRuntime.runMain(Effect.scoped(program))
