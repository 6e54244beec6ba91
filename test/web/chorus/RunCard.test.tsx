import { assert, describe, it } from "@effect/vitest"
import { Profiler, type ReactNode } from "react"
import type { PlainRun } from "../../../src/domain/chorus/ChorusModel.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import { erasedMark } from "../../../src/domain/topic/SealedText.ts"
import { RunCard } from "../../../src/web/chorus/RunCard.tsx"
import { useThreadView } from "../../../src/web/topic/ThreadTopic.ts"
import { asker, makeOutput, makePrior, makeRunAt, otherUser, priors, sealedRun, usage } from "../../support/RunFixture.ts"
import { sealed } from "../../support/SealedFixture.ts"
import { all, click, one, perform, render } from "../Rendered.ts"
import { ThreadStage } from "../ThreadStage.tsx"

/** The cards of a thread, as its timeline shows them. */
const Runs = (): ReactNode =>
  (useThreadView(({ state }) => state.runs) ?? []).map((run) => <RunCard key={run.prompt_id} run={run} />)

/** Cards remember by the run whether their record is open. */
let runCount = 0
const runAt: typeof makeRunAt = (step, loop, change) =>
  makeRunAt(step, loop, { prompt_id: CommandId.make(`prompt-${runCount++}`), ...change })

/** A run that has answered, with these fields of its last step. */
const answered = (change: object = {}, run: Partial<PlainRun> = {}): PlainRun => {
  const { steps, ...fields } = runAt("yield")
  const output = { ...makeOutput("yield", 0), ...change } as PlainRun["steps"][number]["output"]
  return {
    ...fields,
    status: "yielded",
    ended_at: 1,
    steps: [...steps, { loop: 0, step: "yield", output, usage, at: 1 }],
    ...run
  }
}

const stageWith = (...runs: ReadonlyArray<PlainRun>) =>
  new ThreadStage({ runs: runs.map(sealedRun), co_authors: [asker] })

const show = (run: PlainRun, options: Parameters<ThreadStage["element"]>[1] = { me: asker }) => {
  const stage = stageWith(run)
  return render(stage.element(<Runs />, options)).then((rendered) => ({ stage, rendered }))
}

const section = (name: string): Element =>
  document.querySelector(`section[aria-label="${name}"]`) ?? assert.fail(`no ${name}`)
const citations = () => [...document.querySelectorAll(`ol[aria-label="Citations"] > li`)]
const textOf = (element: Element | undefined): string => element?.textContent ?? assert.fail("not there")

describe("an answered run", () => {
  it("the question comes first, one line of how it was answered, then the answer, its sources, and no working", async () => {
    const { rendered } = await show(answered())
    await using _ = rendered
    const order = [
      document.querySelector("[role=heading]"),
      one("button", "Thought in 6 steps, 6 ms, 3 sources"),
      section("Answer of the Chorus"),
      citations()[0]
    ]
    for (const [index, element] of order.entries()) {
      const next = order[index + 1]
      if (next == null) continue
      assert.isTrue((element!.compareDocumentPosition(next) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0)
    }
    assert.notInclude(rendered.container.textContent, "lead of action 0")
    assert.notInclude(rendered.container.textContent, "%")
  })

  it("[CHO5] one press opens the record below the answer: every step with its output and usage, in both passes", async () => {
    const second = runAt("yield", 1)
    const run = answered({}, { loop: 1, steps: [...second.steps, { ...answered().steps.at(-1)!, loop: 1 }] })
    const { rendered } = await show(run)
    await using _ = rendered
    await click(one("button", "Thought in 11 steps, 11 ms, 3 sources"))
    const lists = [...document.querySelectorAll(`ol[aria-label^="Steps of pass"]`)]
    assert.deepStrictEqual(
      lists.map((list) => [...list.children].map((step) => textOf(step.firstElementChild ?? undefined))),
      [
        ["Action", "Experience", "Intention", "Observation", "Update"],
        ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]
      ]
    )
    const record = document.querySelector("section[aria-labelledby]") ?? assert.fail()
    for (const loop of [0, 1]) {
      for (const step of ["action", "experience", "intention", "observation", "update"]) {
        assert.include(record.textContent, `lead of ${step} ${loop}`)
      }
      assert.include(record.textContent, `rest of intention ${loop}`)
    }
    assert.include(record.textContent, "1 in, 1 out")
    assert.include(record.textContent, "Confidence 0.5, as the model states it")
    assert.isTrue(
      (section("Answer of the Chorus").compareDocumentPosition(record) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
    )
    assert.strictEqual(document.activeElement?.textContent, "How the answer was made")
    await click(one("button", "Close the record"))
    assert.isNull(document.querySelector("section[aria-labelledby]"))
  })

  it("[CHO10] a quote is marked within its passage, and said to be verbatim", async () => {
    const { rendered } = await show(answered({ final_response: "Warm water [1]." }))
    await using _ = rendered
    const [card] = citations()
    assert.include(textOf(card), "Verbatim")
    assert.strictEqual(card?.querySelector("q")?.textContent, "Steep green tea")
    await click(one("button", "Source 1"))
    assert.strictEqual(document.activeElement?.getAttribute("data-source"), "1")
    assert.strictEqual(card?.querySelector("blockquote mark")?.textContent, "Steep green tea")
    assert.strictEqual(card?.querySelector("blockquote")?.textContent, priors[0]?.content)
    assert.strictEqual(card?.querySelector("a")?.getAttribute("href"), "#thread:archive/p-one")
  })

  it("[CHO10] a quote that its source does not contain is said to be not found, and shown nowhere as a quote", async () => {
    const { rendered } = await show(answered({
      final_response: "Cats [3], tea [1].",
      citations: [{ prior: "p-three", quote: null }, { prior: "p-one", quote: "invented words" }]
    }))
    await using _ = rendered
    assert.deepStrictEqual(citations().map((card) => card.getAttribute("value")), ["1", "3"])
    for (const card of citations()) assert.include(textOf(card), "Quote not found in the source")
    await click(one("button", "Source 3, quote not found in it"))
    assert.strictEqual(citations()[1]?.querySelector("blockquote")?.textContent, priors[2]?.content)
    assert.strictEqual(document.querySelectorAll("q, mark").length, 0)
    assert.notInclude(rendered.container.textContent, "invented words")
    assert.include(rendered.container.textContent, "0 of 2 quotes verbatim")
  })

  it("a source that the text mentions without citing it opens, and is not said to be quoted", async () => {
    const { rendered } = await show(answered({ final_response: "Black tea [2], and [9]." }))
    await using _ = rendered
    assert.lengthOf(citations(), 1)
    await click(one("button", "Source 2"))
    assert.include(textOf(citations()[1]), "Mentioned without a quote")
    assert.include(rendered.container.textContent, "[9]")
    await click(citations()[0]?.querySelector("button") ?? assert.fail())
    assert.lengthOf(citations(), 1)
  })

  it("a source of this thread is shown there, by the name of its file", async () => {
    const here = new ThreadStage().id
    const message = {
      id: CommandId.make("m.1"),
      seq: 1,
      author: otherUser,
      content: sealed("Steep green tea"),
      at: 1,
      thread: here,
      status: "published" as const,
      approvals: [],
      source: sealed("notes/tea.md")
    }
    const prior = { ...makePrior("m.1", "Steep green tea"), thread: here }
    const run = answered({ citations: [{ prior: "m.1", quote: "green" }] })
    const steps = run.steps.map((record) =>
      record.output._tag === "experience" ? { ...record, output: { ...record.output, priors: [prior] } } : record
    )
    const stage = stageWith({ ...run, steps })
    await using rendered = await render(stage.element(<Runs />, { me: asker }))
    assert.notInclude(textOf(citations()[0]), "tea.md")
    await perform(() => stage.change({ messages: [message] }))
    assert.include(textOf(citations()[0]), "tea.md")
    await click(citations()[0]?.querySelector("button") ?? assert.fail())
    await click(one("button", "Show in thread"))
    assert.deepStrictEqual(stage.shown, ["m.1"])
    assert.include(rendered.container.textContent, "1 of 1 quotes verbatim")
  })

  it("[TOP10] erased texts are notes, and an erased source is no quote", async () => {
    const run = answered(
      { final_response: erasedMark, citations: [{ prior: "p-one", quote: erasedMark }] },
      { prompt: erasedMark, source_erased: true }
    )
    const steps = run.steps.map((record) =>
      record.output._tag === "experience"
        ? { ...record, output: { ...record.output, priors: [makePrior("p-one", erasedMark)] } }
        : record
    )
    const { rendered } = await show({ ...run, steps })
    await using _ = rendered
    assert.include(textOf(section("Answer of the Chorus")), "erased")
    assert.include(textOf(citations()[0]), "Erased since")
    assert.strictEqual(document.querySelectorAll("q, mark").length, 0)
    assert.notInclude(rendered.container.textContent, erasedMark)
    assert.include(rendered.container.textContent, "A text that it was given has been erased since.")
    assert.lengthOf(all("button", "Ask again"), 0)
  })

  it("[CHO12] an answer of the offline model says so", async () => {
    const run = answered()
    const steps = run.steps.map((record) => ({ ...record, usage: { ...usage, model: "extractive-1" } }))
    const { rendered } = await show({ ...run, steps })
    await using _ = rendered
    assert.include(textOf(section("Answer of the Chorus")), "Offline model: quotes, no reasoning")
  })

  it("[CHO8] a co-author asks again, as a sibling; a reader cannot", async () => {
    const run = answered()
    const { rendered, stage } = await show(run)
    await click(one("button", "Ask again"))
    assert.deepStrictEqual(stage.sent, [{ _tag: "submit_prompt", prompt: run.prompt, sibling_of: run.prompt_id }])
    await rendered[Symbol.asyncDispose]()
    const other = await show(answered(), { me: otherUser })
    await using _ = other.rendered
    assert.lengthOf(all("button", "Ask again"), 0)
  })

  it("is copied as Markdown with its sources, of which only verbatim quotes are quoted", async () => {
    const { rendered } = await show(answered({
      final_response: "Warm [1], not hot [2].",
      citations: [{ prior: "p-one", quote: "Steep green tea" }, { prior: "p-two", quote: null }]
    }))
    await using _ = rendered
    await click(one("button", "Copy the answer"))
    const [answer, heading, first, second, more] = (await navigator.clipboard.readText()).trim().split("\n\n")
    assert.deepStrictEqual([answer, heading, more], ["Warm [1], not hot [2].", "Sources:", undefined])
    assert.match(first ?? "", /^\[1\] BBBB…BBBA, .*: “Steep green tea”$/)
    assert.match(second ?? "", /^\[2\] BBBB…BBBA, [^“]*$/)
    assert.include(document.querySelector("[role=status]")?.textContent ?? "", "The answer is copied")
    await click(one("button", "Copy the link"))
    assert.match(await navigator.clipboard.readText(), /#thread:t\/prompt-\d+$/)
  })

  it("it speaks German", async () => {
    const { rendered } = await show(answered(), { me: asker, language: "de" })
    await using _ = rendered
    assert.include(rendered.container.textContent, "Du hast den Chorus gefragt")
    one("button", "In 6 Schritten nachgedacht, 6 ms, 3 Quellen")
    assert.include(textOf(section("Antwort des Chorus")), "Wörtlich")
  })
})

describe("a run under way", () => {
  it("[CHO5] names the current step and shows its text where the answer will stand; nothing else renders meanwhile", async () => {
    const running = runAt("intention")
    const done = answered()
    const stage = stageWith(done, running)
    let renders = 0
    const Both = (): ReactNode => {
      const runs = useThreadView(({ state }) => state.runs) ?? []
      return runs.map((run) => (
        <Profiler
          key={run.prompt_id}
          id={run.prompt_id}
          onRender={(id) => id === done.prompt_id ? renders++ : undefined}
        >
          <RunCard run={run} />
        </Profiler>
      ))
    }
    await using rendered = await render(stage.element(<Both />, { me: asker }))
    assert.strictEqual(document.querySelector("[aria-current=step]")?.textContent, "Intention")
    assert.include(rendered.container.textContent, "Asking what the question leaves unsaid")
    const region = document.querySelector("[aria-live=off]") ?? assert.fail()
    // What the step before wrote stays until this one writes.
    assert.include(region.textContent, "lead of experience 0")
    const before = renders
    const chunk = { prompt_id: running.prompt_id, loop: 0, step: "intention", attempt: 0 }
    for (const text of ["So I", "So I read", "So I read the log"]) await perform(() => stage.stream({ ...chunk, text }))
    assert.include(region.textContent, "So I read the log")
    await perform(() => stage.stream({ ...chunk, attempt: 1, text: "of another attempt" }))
    assert.notInclude(region.textContent, "another attempt")
    assert.strictEqual(renders, before)
    assert.strictEqual(region.getAttribute("aria-busy"), "true")
  })

  it("whoever saw it run keeps its steps above the answer, and the elements of its text; others have one line", async () => {
    const text = "Steep it [1]. Cats [9]."
    const done = answered({ final_response: text })
    const { steps, ...running } = done
    const stage = stageWith({ ...running, status: "running", ended_at: null, steps: steps.slice(0, -1) })
    const track = () => document.querySelectorAll(`ol[aria-label="Step 6 of 6: Yield"] > [data-stage=done]`).length
    const rendered = await render(stage.element(<Runs />, { me: asker }))
    assert.strictEqual(track(), 5)
    await perform(() => stage.stream({ prompt_id: done.prompt_id, loop: 0, step: "yield", attempt: 0, text }))
    const written = document.querySelector("[aria-busy=true] p") ?? assert.fail()
    assert.lengthOf(written.querySelectorAll("button"), 0)
    await perform(() => stage.change({ runs: [sealedRun(done)] }))
    assert.strictEqual(track(), 6)
    assert.strictEqual(section("Answer of the Chorus").querySelector("p"), written)
    assert.strictEqual(written.textContent, "Steep it\u20601. Cats [9].")
    assert.lengthOf(written.querySelectorAll("button"), 1)
    assert.lengthOf(document.querySelectorAll("[aria-current=step]"), 0)
    assert.lengthOf(all("button", "Thought in 6 steps, 6 ms, 3 sources"), 1)
    await rendered[Symbol.asyncDispose]()
    const later = await show(done)
    await using _ = later.rendered
    assert.strictEqual(track(), 0)
  })

  it("[CHO8] those who may stop it do; why a command was rejected is said at the card", async () => {
    const run = runAt("action")
    const { rendered, stage } = await show(run)
    stage.rejection = "the run has ended"
    await click(one("button", "Stop"))
    assert.deepStrictEqual(stage.sent, [{ _tag: "cancel_run", prompt_id: run.prompt_id }])
    assert.include(textOf(document.querySelector("[role=alert]") ?? undefined), "The run has ended.")
    await rendered[Symbol.asyncDispose]()
    const other = await show(runAt("action"), { me: otherUser })
    await using _ = other.rendered
    assert.lengthOf(all("button", "Stop"), 0)
  })

  it("[CHO6] says that it tries again, and why", async () => {
    const error_state = { _tag: "NetworkError", message: "connection reset", retryable: true } as const
    const { rendered } = await show(runAt("action", 0, { attempt: 1, error_state }))
    await using _ = rendered
    assert.include(rendered.container.textContent, "The model could not be reached. Trying again, attempt 2.")
    assert.include(rendered.container.textContent, "Connection reset.")
  })
})

describe("a run without an answer", () => {
  it("[CHO8] a cancelled one keeps the text so far in the type of an answer", async () => {
    const run = runAt("yield", 0, { status: "cancelled", ended_at: 5, partial: "Half a sen" })
    const { rendered } = await show(run)
    await using _ = rendered
    assert.include(rendered.container.textContent, "Half a sen")
    assert.match(rendered.container.textContent, /Stopped here, /)
    one("button", "Ask again")
  })

  it("[CHO6] a failed one says at which step, why, and what is kept", async () => {
    const error_state = { _tag: "AIError", message: "overloaded", retryable: false } as const
    const { rendered } = await show(runAt("observation", 0, { status: "failed", ended_at: 5, error_state }))
    await using _ = rendered
    const text = rendered.container.textContent
    assert.include(text, "Stopped at Observation.")
    assert.include(text, "The model gave no usable answer. What was thought so far is kept.")
    assert.include(text, "Overloaded.")
    await click(one("button", "Thought in 3 steps, 3 ms, 3 sources"))
    assert.include(rendered.container.textContent, "lead of intention 0")
  })

  it("[CHO9] a queued one waits, and can be cancelled", async () => {
    const { rendered, stage } = await show(runAt("action", 0, { status: "queued" }))
    await using _ = rendered
    assert.include(rendered.container.textContent, "Waits for the question before it.")
    await click(one("button", "Cancel"))
    assert.lengthOf(stage.sent, 1)
  })

  it("a long question is folded until it is opened", async () => {
    const prompt = `${"What else? ".repeat(60)}The end.`
    const { rendered } = await show(runAt("action", 0, { status: "queued", prompt }))
    await using _ = rendered
    const heading = document.querySelector("[role=heading]") ?? assert.fail()
    assert.isTrue(heading.hasAttribute("data-folded"))
    assert.include(heading.textContent, "The end.")
    await click(one("button", "Show the whole question"))
    assert.isFalse(heading.hasAttribute("data-folded"))
  })
})

it("an agent's question says whose agent asked", async () => {
  const { rendered } = await show(runAt("action", 0, { owner: otherUser }), { me: otherUser })
  await using _ = rendered
  assert.include(rendered.container.textContent, "AAAA…AAAA, your agent, asked the Chorus")
})
