import { assert, describe, it } from "@effect/vitest"
import { initialPrinted, renderUpdate } from "../../src/cli/ChatTranscript.ts"
import type { ThreadView } from "../../src/cli/Connect.ts"
import { shortId } from "../../src/cli/OpenVotes.ts"
import { agentOf } from "../../src/domain/protocol/Principal.ts"
import { erasedMark, plain } from "../../src/domain/topic/SealedText.ts"
import { alice, bob, createThread, stateOf, submitMessage, threadId } from "../domain/thread/ThreadFixture.ts"
import { makeAttestation } from "../support/Attestations.ts"
import { applyCommand, commandId, makeTopicWorld } from "../support/TopicWorld.ts"

const toString = (text: ReturnType<typeof renderUpdate>[1]) =>
  text.map((part) => typeof part === "string" ? part : part.text).join("")

describe("a thread at a terminal", () => {
  it("[TOP10] says once what was erased after it was printed", () => {
    const world = makeTopicWorld()
    for (const [n, command] of [createThread, submitMessage("Steep at 80 degrees.")].entries()) {
      assert.isUndefined(applyCommand(world, threadId, commandId(`c${n}`), alice, command))
    }
    const confirmed = plain(stateOf(world))
    const erased = { ...confirmed, messages: confirmed.messages.map((m) => ({ ...m, content: erasedMark })) }
    const reader = { me: alice, sentIds: new Set<string>() }
    const render = (printed: Parameters<typeof renderUpdate>[0], state: typeof confirmed) =>
      renderUpdate(printed, { confirmed: state, partialOutputs: [] } as unknown as ThreadView, reader)
    const [printed] = render(initialPrinted(confirmed), confirmed)
    const [next, text] = render(printed, erased)
    assert.strictEqual(toString(text), `you (${shortId(confirmed.messages[0]!.id)} was erased)\n`)
    assert.strictEqual(toString(render(next, erased)[1]), "")
    assert.strictEqual(toString(render(initialPrinted(erased), erased)[1]), "you [erased]\n")
  })

  it("[AUT8] shows what an agent wrote as the agent's, for its owner", () => {
    const world = makeTopicWorld()
    const principal = agentOf(makeAttestation(bob, alice))
    for (const [n, command] of [createThread, submitMessage("Steep at 80 degrees.")].entries()) {
      assert.isUndefined(applyCommand(world, threadId, commandId(`c${n}`), alice, command, principal))
    }
    const confirmed = plain(stateOf(world))
    const view = { confirmed, partialOutputs: [] } as unknown as ThreadView
    const printed = initialPrinted({ ...confirmed, messages: [] })
    const [, text] = renderUpdate(printed, view, { me: bob, sentIds: new Set() })
    const line = toString(text)
    assert.strictEqual(line, `agent ${alice.slice(0, 4)}…${alice.slice(-4)}, for you Steep at 80 degrees.\n`)
  })
})
