import { assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as savedText from "../../../src/web/storage/savedText.ts"
import { isSaved } from "../../../src/web/storage/textStorage.ts"
import { topicId, userId } from "../../support/TopicWorld.ts"

const [alice, bob] = [userId(0), userId(1)]
const thread = topicId("thread:t")
const draft: savedText.Draft = { text: "text", isAsking: true, stake: "1500" }

const rejected = (id: string, at: number, topic = thread): savedText.RejectedText => ({
  id: CommandId.make(id),
  topic,
  draft,
  reason: "No.",
  at
})
const pending = (id: string, at: number): savedText.PendingCommand => ({
  id: CommandId.make(id),
  salt: "salt",
  topic: thread,
  command: { _tag: "submit_message", content: id },
  at
})

beforeEach(() => {
  savedText.clearSaved(alice)
  localStorage.clear()
})

/** Runs with a storage that takes nothing more, as a full one. */
const withFullStorage = (run: () => void) => {
  const stored = localStorage
  const refuse = () => {
    throw new DOMException("full", "QuotaExceededError")
  }
  vi.stubGlobal(
    "localStorage",
    new Proxy(stored, {
      get: (_, name) => name === "setItem" ? refuse : name === "getItem" ? stored.getItem.bind(stored) : undefined
    })
  )
  run()
  vi.unstubAllGlobals()
}

describe("saved texts", () => {
  it("are of one user and one thread", () => {
    savedText.saveDraft(alice, thread, draft)
    assert.deepStrictEqual(savedText.readDraft(alice, thread), draft)
    assert.deepStrictEqual(savedText.readDraft(bob, thread), savedText.emptyDraft)
    assert.deepStrictEqual(savedText.readDraft(alice, topicId("thread:u")), savedText.emptyDraft)
    savedText.saveRejected(alice, rejected("a", 1))
    assert.deepStrictEqual(savedText.listRejected(bob, thread), [])
    assert.deepStrictEqual(savedText.listRejected(alice, topicId("thread:u")), [])
  })

  it("are listed in the order in which they were written", () => {
    for (const [id, at] of [["a", 2], ["b", 3], ["c", 1]] as const) {
      savedText.savePending(alice, pending(id, at))
      savedText.saveRejected(alice, rejected(id, at))
    }
    assert.deepStrictEqual(savedText.listPending(alice).map(({ id }) => `${id}`), ["c", "a", "b"])
    assert.deepStrictEqual(savedText.listRejected(alice, thread).map(({ id }) => `${id}`), ["c", "a", "b"])
  })

  it("of an earlier version of the page and of nobody's making are no obstacle", () => {
    const key = `choir:draft:${alice}:${thread}`
    localStorage.setItem(key, JSON.stringify({ text: "old", isAsking: true }))
    assert.deepStrictEqual(savedText.readDraft(alice, thread), { ...savedText.emptyDraft, text: "old", isAsking: true })
    localStorage.setItem(key, "{")
    assert.deepStrictEqual(savedText.readDraft(alice, thread), savedText.emptyDraft)
  })

  it("that the browser does not store are kept until the page is closed", () => {
    savedText.saveDraft(alice, thread, { ...draft, text: "stored" })
    withFullStorage(() => {
      savedText.saveDraft(alice, thread, draft)
      savedText.savePending(alice, pending("a", 1))
      savedText.saveRejected(alice, rejected("a", 1))
    })
    assert.deepStrictEqual(savedText.readDraft(alice, thread), draft)
    assert.deepStrictEqual(savedText.listPending(alice), [pending("a", 1)])
    assert.deepStrictEqual(savedText.listRejected(alice, thread), [rejected("a", 1)])
    assert.isFalse(isSaved(alice, "a"))
    savedText.savePending(alice, pending("a", 1))
    assert.isTrue(isSaved(alice, "a"))
  })

  it("go with the key, and no others", () => {
    savedText.saveDraft(alice, thread, draft)
    savedText.savePending(alice, pending("a", 1))
    savedText.saveRejected(alice, rejected("a", 1))
    savedText.saveDraft(bob, thread, draft)
    localStorage.setItem("choir:preferences", "{}")
    savedText.clearSaved(alice)
    assert.deepStrictEqual(
      Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index)).sort(),
      [`choir:draft:${bob}:${thread}`, "choir:preferences"].sort()
    )
  })

  it("tell who listens about changes of the rejected ones, also in another tab", () => {
    let changes = 0
    const unsubscribe = savedText.onRejectedChange(alice, () => changes++)
    savedText.saveRejected(alice, rejected("a", 1))
    savedText.removeRejected(alice, CommandId.make("a"))
    assert.strictEqual(changes, 2)
    dispatchEvent(new StorageEvent("storage", { key: `choir:rejected:${alice}:b` }))
    dispatchEvent(new StorageEvent("storage", { key: `choir:draft:${alice}:${thread}` }))
    assert.strictEqual(changes, 3)
    unsubscribe()
    savedText.saveRejected(alice, rejected("c", 1))
    assert.strictEqual(changes, 3)
  })
})
