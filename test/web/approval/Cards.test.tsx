import { assert, beforeAll, describe, it } from "@effect/vitest"
import type { ReactNode } from "react"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import type { PendingApproval, Submission, Vote } from "../../../src/domain/thread/ThreadModel.ts"
import { InvitationCard } from "../../../src/web/approval/InvitationCard.tsx"
import { SubmissionCard } from "../../../src/web/approval/SubmissionCard.tsx"
import { cardPart } from "../../../src/web/design/popups.ts"
import { useThreadView } from "../../../src/web/topic/ThreadTopic.ts"
import { sealed } from "../../support/SealedFixture.ts"
import { userId } from "../../support/TopicWorld.ts"
import { all, click, one, type Rendered, render } from "../Rendered.ts"
import { ThreadStage } from "../ThreadStage.tsx"

beforeAll(async () => void await cardPart.preload())

const [me, bob, carol, dave] = [userId(0), userId(1), userId(2), userId(3)]
const author = userId(5)
const id = CommandId.make("s")
const day = 24 * 3_600_000

const vote = (voter: Vote["voter"], choice: Vote["choice"]): Vote => ({ voter, choice, at: 1 })

const submission = (change: Partial<Submission> = {}): Submission => ({
  id,
  seq: 1,
  author,
  content: sealed("A fillet breaks the vortices up."),
  stake: 1_000,
  voters: [me, bob, carol, dave],
  votes: [vote(bob, "approve"), vote(carol, "approve")],
  submitted_at: 1,
  expires_at: Date.now() + 6.5 * day,
  status: "pending",
  ...change
})

const invitation = (change: Partial<PendingApproval> = {}): PendingApproval => ({
  id,
  action: { _tag: "Invite", user: author },
  by: bob,
  voters: [me, carol],
  votes: [],
  opened_at: 1,
  expires_at: Date.now() + 2.5 * day,
  ...change
})

const Cards = (): ReactNode => (
  <>
    {useThreadView(({ state }) => state.submissions)?.map((submission) => (
      <SubmissionCard key={submission.id} submission={submission} />
    ))}
    {useThreadView(({ state }) => state.gates)?.map((gate) => <InvitationCard key={gate.id} invitation={gate} />)}
  </>
)

const show = async (
  state: { readonly submissions: ReadonlyArray<Submission> } | { readonly gates: ReadonlyArray<PendingApproval> },
  options: Parameters<ThreadStage["element"]>[1] = {}
): Promise<{ readonly stage: ThreadStage; readonly rendered: Rendered; readonly text: () => string }> => {
  const stage = new ThreadStage(state)
  const rendered = await render(stage.element(<Cards />, options))
  return { stage, rendered, text: () => rendered.container.textContent }
}

const ballot = () =>
  [...document.querySelectorAll(`ul[aria-label="Votes"] > li`)].map((face) => face.getAttribute("title"))

/** Presses a button of the open question. */
const answer = (name: string) =>
  click(
    [...one("alertdialog").querySelectorAll("button")].find(({ textContent }) => textContent === name) ??
      assert.fail(`no ${name}`)
  )

describe("an open submission", () => {
  it("[THR3] says who voted what, with the right verbs, how long it is open, and what each end brings", async () => {
    const { rendered, text } = await show({ submissions: [submission()] })
    await using _ = rendered
    assert.deepStrictEqual(ballot(), [
      "aaaa…aa1A approves",
      "aaaa…aa2A approves",
      "you have not voted",
      "aaaa…aa3A has not voted"
    ])
    assert.include(text(), "2 of 4 voted")
    assert.include(text(), "closes in 6 days")
    assert.include(text(), "1,000 tokens at stake")
    assert.include(text(), "If all approveaaaa…aa5A joins, 250 tokens to each who approves")
    assert.include(text(), "If votes differnot published, the stake is split between the thread and the treasury")
    assert.notInclude(text(), "If all deny")
    // Sentences begin with a capital letter, keys as they are.
    const ends = [...document.querySelectorAll<HTMLElement>("dl dd")]
    assert.deepStrictEqual(ends.map((end) => end.dataset.begins), ["key", undefined])
  })

  it("[THR3] a vote is sent after a question that says what it leads to; the harmless answer has the focus", async () => {
    const votes = [vote(bob, "approve"), vote(carol, "approve"), vote(dave, "approve")]
    const { rendered, stage } = await show({ submissions: [submission({ votes })] })
    await using _ = rendered
    await click(one("button", "Deny"))
    const dialog = one("alertdialog")
    assert.include(dialog.textContent, "not published, 250 tokens to the thread, 750 tokens to the treasury.")
    assert.include(dialog.textContent, "A vote is final.")
    assert.strictEqual(document.activeElement?.textContent, "Not yet")
    await click(one("button", "Not yet"))
    assert.deepStrictEqual(stage.sent, [])
    await click(one("button", "Approve"))
    assert.include(
      one("alertdialog").textContent,
      "Your vote decides: aaaa…aa5A joins, 250 tokens to each who approves."
    )
    await answer("Approve")
    assert.deepStrictEqual(stage.sent, [{ _tag: "process_approval", message_id: id, decision: "approve" }])
  })

  it("[THR7] its author withdraws it, knowing that the stake returns, and does not vote", async () => {
    const { rendered, stage } = await show({ submissions: [submission()] }, { me: author })
    await using _ = rendered
    assert.lengthOf(all("button", "Approve"), 0)
    stage.rejection = "the vote has ended"
    await click(one("button", "Withdraw"))
    assert.include(one("alertdialog").textContent, "1,000 tokens back to you.")
    await answer("Withdraw")
    assert.deepStrictEqual(stage.sent, [{ _tag: "cancel_submission", message_id: id }])
    assert.include(document.querySelector("[role=alert]")?.textContent ?? "", "The vote has ended.")
  })

  it("[AUT8] the owner of the agent who wrote it gets the stake back", async () => {
    const { rendered } = await show({ submissions: [submission({ owner: me })] })
    await using _ = rendered
    await click(one("button", "Withdraw"))
    assert.include(one("alertdialog").textContent, "1,000 tokens back to you.")
  })

  it("speaks German", async () => {
    const votes = [vote(me, "approve"), vote(bob, "deny")]
    const { rendered, text } = await show({ submissions: [submission({ votes })] }, { language: "de" })
    await using _ = rendered
    assert.include(text(), "du stimmst zu")
    assert.include(text(), "aaaa…aa1A lehnt ab")
    assert.include(text(), "2 von 4 haben abgestimmt")
    assert.include(text(), "noch 6 Tage")
  })
})

describe("a settled submission", () => {
  it("[THR4] is one line: how it ended, and where the stake went; its text is one press away", async () => {
    const voters = [me, bob, carol]
    const votes = [vote(me, "approve"), vote(bob, "approve"), vote(carol, "approve")]
    const { rendered, text } = await show({ submissions: [submission({ voters, votes, status: "approved" })] })
    await using _ = rendered
    assert.include(text(), "Approved")
    assert.include(text(), "333 tokens each to you, aaaa…aa1A, and aaaa…aa2A, 1 token to the treasury")
    assert.notInclude(text(), "fillet")
    await click(one("button", "Show the text"))
    assert.include(text(), "A fillet breaks the vortices up.")
  })

  it.each([
    ["rejected", [vote(me, "deny")], "Denied", "1,000 tokens to the thread"],
    ["expired", [], "Expired", "1,000 tokens back to aaaa…aa5A"],
    ["cancelled", [], "Withdrawn", "1,000 tokens back to aaaa…aa5A"]
  ] as const)("[THR4] %s: the word and the stake", async (status, votes, word, went) => {
    const { rendered, text } = await show({ submissions: [submission({ status, votes, voters: [me] })] })
    await using _ = rendered
    assert.include(text(), word)
    assert.include(text(), went)
    assert.lengthOf(all("button", "Approve"), 0)
  })
})

describe("an invitation", () => {
  it("[THR9] says who would join and asks for the vote of a voter only", async () => {
    const { rendered, stage, text } = await show({ gates: [invitation()] })
    assert.match(text(), /Would become a co-author:\s+aaaa…aa5A/)
    await click(one("button", "Approve"))
    assert.include(
      one("alertdialog").textContent,
      "If all approve: aaaa…aa5A joins. Otherwise: aaaa…aa5A does not join."
    )
    await answer("Approve")
    assert.deepStrictEqual(stage.sent, [{ _tag: "process_approval", message_id: id, decision: "approve" }])
    await rendered[Symbol.asyncDispose]()
    const other = await show({ gates: [invitation()] }, { me: bob })
    await using _ = other.rendered
    assert.lengthOf(all("button", "Approve"), 0)
    assert.include(other.text(), "invite somebody")
  })
})
