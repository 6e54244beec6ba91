/** What the Chorus thought in the states: one run of six steps. */
import { sha256 } from "../../client/Sha256.ts"
import type { Prior, StepOutput } from "../../domain/chorus/ChorusModel.ts"
import { TopicId } from "../../domain/protocol/Ids.ts"
import { ben, elin, ilyas, noor } from "./fixturePeople.ts"
import { day, fixtureNow } from "./fixtureTime.ts"

const prior = (id: string, author: Prior["author"], content: string, similarity: number, thread = "song"): Prior => ({
  id,
  content,
  author,
  thread: TopicId.make(`thread:${thread}`),
  seq: 2,
  c: sha256(content),
  similarity,
  created_at: fixtureNow() - 3 * day
})

const priors = [
  prior(
    "notes",
    noor,
    "The tone starts at 8.2 m/s and stays at 112 Hz until 9.6 m/s, although the wind keeps rising. Above that it breaks up within seconds.",
    0.8
  ),
  prior(
    "gusts",
    ben,
    "Listened to all of last week. Gusts kill it. The recorder shows nothing above 1.5 m/s of change.",
    0.6
  ),
  prior(
    "strouhal",
    ilyas,
    "With 0.2 for round rods, a 16 mm hanger at 9 m/s gives 112 Hz, a 6 mm wire three times that.",
    0.5,
    "strouhal"
  ),
  prior("wires", elin, "Thin wires sing higher; nobody here has put a microphone on the handrail yet.", 0.3, "harps")
]

/** What was asked. */
export const question = "Why does the bridge sing only in a steady wind?"

/** The beginning of the answer. */
export const answerStart = "Because the note needs time. Wind sheds vortices from a 16 mm hanger at 112 Hz"

/** The outputs of all six steps. */
export const outputs: ReadonlyArray<StepOutput> = [
  {
    _tag: "action",
    proposed_response: "The hangers shed vortices. In a steady wind their rhythm can build up in the rod.",
    confidence: 0.55,
    reasoning: "Round rods in a wind have one frequency per speed."
  },
  {
    _tag: "experience",
    synthesis: "Three notes say when the tone comes and when it goes; one computes its frequency.",
    key_insights: ["The tone holds its pitch while the wind rises.", "Gusts end it."],
    priors
  },
  {
    _tag: "intention",
    explicit: "To know why gusts silence the bridge.",
    implicit: "To find a way to stop the tone.",
    selected_priors: ["notes", "gusts", "strouhal"],
    reason: "They were measured here."
  },
  {
    _tag: "observation",
    context_analysis:
      "The pitch stays at 112 Hz over a range of wind speeds: the rod holds the vortices to its own pitch.",
    patterns: ["Lock-in between 8.2 and 9.6 m/s", "Silence in gusts"],
    semantic_links: [{ prior: "strouhal", relation: "gives the frequency that the recording has" }]
  },
  { _tag: "update", reason: "Frequency, range and gusts fit one cause.", loop: false, confidence: 0.86 },
  {
    _tag: "yield",
    final_response:
      "Because the note needs time. Wind sheds vortices from a 16 mm hanger at 112 Hz when it blows at 9 m/s [3], and once the hanger answers, it holds the air to that pitch while the wind goes on rising [1]. A gust breaks the hold before the sound has built up [2].\n\nA higher note on some clips may come from the handrail wires [4]. Nobody has measured it.",
    citations: [
      { prior: "notes", quote: "stays at 112 Hz until 9.6 m/s, although the wind keeps rising" },
      { prior: "gusts", quote: "Gusts kill it." },
      { prior: "strouhal", quote: "a 16 mm hanger at 9 m/s gives 112 Hz" },
      { prior: "wires", quote: null }
    ],
    confidence: 0.86
  }
]
