/** The threads of the states. */
import { threadLimits } from "../../domain/thread/ThreadGuards.ts"
import { ben, elin, ilyas, mara, noor, scribe, tomas } from "./fixturePeople.ts"
import { outputs, question } from "./fixtureRun.ts"
import { FixtureThread } from "./FixtureThread.ts"
import { day, fixtureNow, hour, minute, second } from "./fixtureTime.ts"

const title = "Why does Brannoch sing?"

/** The thread that most states show: four co-authors and an agent, over two days. */
const talk = (name = "song"): FixtureThread => {
  const thread = new FixtureThread(name, mara, title, "public")
  thread.join(ilyas, noor, ben, scribe.agent)
  thread.at = fixtureNow() - day
  thread.say(
    noor,
    "Field notes, 16 March:\n\n- the tone starts at **8.2 m/s**\n- it stays at `112 Hz` until 9.6 m/s\n- above that it breaks up *within seconds*"
  )
  thread.say(noor, "I had the microphone on the third hanger from the east.")
  thread.at = fixtureNow() - hour
  thread.say(ben, "Listened to all of last week. Gusts kill it.\n\n> the tone starts at 8.2 m/s\n\nSame here.")
  thread.command(scribe.agent, {
    _tag: "submit_message",
    content: "Clip 14 against the wind log: the pitch stays within 1 Hz for 58 of 60 seconds."
  }, scribe)
  thread.say(mara, "Then it locks in. Which rods are 16 mm?")
  return thread
}

/** Others, for the list. */
const others = (): ReadonlyArray<FixtureThread> => {
  const strouhal = new FixtureThread("strouhal", ilyas, "Strouhal, by hand")
  strouhal.join(mara)
  strouhal.say(ilyas, "0.2 holds for round rods.")
  const harps = new FixtureThread("harps", elin, "Aeolian harps", "public")
  harps.say(elin, "الجسر يغنّي حين تعبره الريح")
  return [strouhal, harps]
}

/** A thread and others beside it. */
export const withOthers = (thread: FixtureThread): ReadonlyArray<FixtureThread> => [
  thread,
  ...others().filter(({ id }) => id !== thread.id)
]

/** Messages of several people. */
export const conversation = (): FixtureThread => talk()

/** Nothing is written yet. */
export const empty = (): FixtureThread => new FixtureThread("empty", mara, "Recordings, winter")

/** A thread whose run has completed `steps` steps. */
export const running = (steps: number): FixtureThread => {
  const thread = talk()
  thread.pace = 2 * second
  thread.at = fixtureNow() - 2 * (steps + 2) * second
  thread.ask(mara, question)
  thread.complete(outputs.slice(0, steps))
  return thread
}

/** A finished answer. */
export const answered = (): FixtureThread => running(outputs.length)

/** A run that has failed. */
export const failed = (): FixtureThread => {
  const thread = running(3)
  thread.fail("the model did not answer, five times")
  return thread
}

/** A run that was stopped while it wrote. */
export const interrupted = (): FixtureThread => {
  const thread = running(5)
  thread.interrupt(ben, "Because the note needs time. Wind sheds vortices from a 16 mm hanger at 112 Hz when it")
  return thread
}

/** A second question waits. */
export const queued = (): FixtureThread => {
  const thread = running(2)
  thread.ask(noor, "Would a fillet stop it?")
  return thread
}

/** A message and an answer, both without their texts. */
export const erased = (): FixtureThread => {
  const thread = new FixtureThread("erased", mara, title, "public")
  thread.join(ilyas)
  thread.say(ilyas, "This was said too soon.")
  thread.erase(ilyas)
  thread.ask(mara, question)
  thread.erase(mara, thread.state.version - 1)
  return thread
}

/** A thread whose title was erased. */
export const erasedTitle = (): FixtureThread => {
  const thread = new FixtureThread("untitled", mara, title)
  thread.say(mara, "It had a name.")
  thread.erase(mara, 1)
  return thread
}

const request =
  "A 2 mm fillet wound around each hanger breaks the vortices up. We did it on the Vessen bridge, and the hum was gone the same day."

/** A submission that waits for the user's vote; two of four have agreed. */
export const submission = (): FixtureThread => {
  const thread = talk()
  const id = thread.submit(tomas, request)
  thread.vote(ilyas, id, "approve")
  thread.vote(noor, id, "approve")
  return thread
}

/** Submissions by the user to the thread of others: open, approved, rejected, expired. */
export const ownSubmissions = (): FixtureThread => {
  const thread = new FixtureThread("harps", elin, "Aeolian harps", "public")
  thread.join(noor)
  thread.at = fixtureNow() - 9 * day
  thread.submit(mara, "Has anybody tuned one to a bridge?", 1_500)
  thread.expire(threadLimits.submissionTtlMillis + minute)
  const denied = thread.submit(mara, "Nylon is louder than gut.")
  thread.vote(elin, denied, "deny")
  thread.vote(noor, denied, "deny")
  thread.submit(mara, "Brannoch's hangers are an octave above your longest string.", 1_000)
  return thread
}

/** A thread of others, which anybody may read. */
export const ofOthers = (): FixtureThread => {
  const thread = new FixtureThread("harps", elin, "Aeolian harps", "public")
  thread.say(elin, "Gut is louder than nylon.")
  return thread
}

/** A submission that has become a message. */
export const approved = (): FixtureThread => {
  const thread = talk()
  const id = thread.submit(tomas, request)
  for (const voter of [ilyas, noor, ben, mara]) thread.vote(voter, id, "approve")
  return thread
}

/** An invitation that waits for the user's vote. */
export const invitation = (): FixtureThread => {
  const thread = talk()
  const id = thread.command(ilyas, { _tag: "invite_co_author", user: elin })
  thread.vote(noor, id, "approve")
  return thread
}

/** A thread that its last co-author has closed. */
export const closed = (): FixtureThread => {
  const thread = new FixtureThread("tacoma", mara, "Tacoma: what everybody gets wrong", "public")
  thread.say(mara, "It was flutter, not resonance.")
  thread.command(mara, { _tag: "close_thread" })
  return thread
}

/** A long thread, with a long message at its end. */
export const long = (): FixtureThread => {
  const thread = new FixtureThread(
    "log",
    mara,
    "Wind log of the footbridge at Brannoch, all stations, every minute since January"
  )
  thread.join(ben)
  thread.at = fixtureNow() - 3 * day
  for (let n = 1; n <= 120; n++) thread.say(n % 3 === 0 ? ben : mara, `Minute ${n}: ${(6 + n % 7 / 3).toFixed(1)} m/s`)
  const lines = Array.from({ length: 200 }, (_, n) => `${String(n).padStart(3, "0")} ${(6 + n % 9 / 4).toFixed(1)} m/s`)
  thread.say(ben, `The whole log:\n\n\`\`\`\n${lines.join("\n")}\n\`\`\``)
  return thread
}

/** A thread in Arabic and Hebrew, with code. */
export const rightToLeft = (): FixtureThread => {
  const thread = new FixtureThread("jisr", mara, "لماذا يغنّي الجسر؟", "public")
  thread.join(noor)
  thread.say(noor, "يبدأ الصوت عند 8.2 م/ث ويبقى عند `112 Hz`.")
  thread.say(mara, "ואז הרוח מתחזקת והצליל נשאר.")
  thread.say(noor, "It stays at 112 Hz.")
  return thread
}
