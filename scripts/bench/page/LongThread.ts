/** A thread of many messages: imports and messages in turn, of many lengths, some with Markdown. */
import { Effect } from "effect"
import * as Client from "../../../src/client/Client.ts"
import * as Keys from "../../../src/client/Keys.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"

/** The title of the thread. */
export const title = "A long thread"

/** Words of the last message. */
export const lastText = "the last message of the long thread"

const sentences = [
  "Wind sheds vortices behind the cables of a bridge.",
  "The note starts at 8.2 m/s and stays at 112 Hz until 9.6 m/s, although the wind keeps rising.",
  "Gusts end it.",
  "When the wind settles, the note is back within eight seconds, and everybody on the south side hears it.",
  "A damper takes the energy out of the cables; rain does the same for nothing."
]

const contentOf = (n: number): string => {
  const text = Array.from({ length: 1 + n % 7 }, (_, i) => sentences[(n + i) % sentences.length]).join(" ")
  switch (n % 12) {
    case 3:
      return `## Notes of day ${n}\n\n${text}\n\n- **first**: ${sentences[0]}\n- second: \`f = 0.2 × U / d\``
    case 7:
      return `${text}\n\n\`\`\`ts\nconst frequency = (speed: number) => 0.2 * speed / 0.016 // ${n}\n\`\`\``
    case 10:
      return `${text}\n\n| Wind | Pitch |\n|---|---|\n| 8.4 m/s | 112 Hz |\n| 9.3 m/s | ${n} Hz |`
    default:
      return `${n}: ${text}`
  }
}

/** How many messages are sent in a row, and imported together. */
const turn = 8

/** Writes the thread as the user with this secret. */
export const write = Effect.fnUntraced(function*(url: string, secret: string, count: number) {
  const identity = yield* Keys.fromSecret(secret)
  const client = yield* Client.make({ url, identity, kinds: [threadKind] })
  const id = Client.commandId()
  const topic = client.topic(threadKind, TopicId.make(`thread:${id}`))
  // Who writes a thread has it open.
  topic.onView(() => {})
  yield* topic.send({ _tag: "create_thread", name: title }, id)
  for (let n = 0; n < count - 1; n += 2 * turn) {
    const contents = Array.from({ length: Math.min(2 * turn, count - 1 - n) }, (_, i) => contentOf(n + i))
    const [imported, sent] = [contents.slice(0, turn), contents.slice(turn)]
    yield* Effect.all([
      topic.send({
        _tag: "import_messages",
        messages: imported.map((content) => ({ content, source: `day-${n}.md` }))
      }),
      ...sent.map((content) => topic.send({ _tag: "submit_message", content }))
    ], { concurrency: "unbounded" })
  }
  yield* topic.send({ _tag: "submit_message", content: `This is ${lastText}.` })
}, Effect.scoped)
