/** What a reader sees of its own commands, in every order of subscriptions, deltas and receipts. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { CommandId, type TopicId } from "../../src/domain/protocol/Ids.ts"
import type * as RoomModel from "../../src/domain/room/RoomModel.ts"
import { type SealedText, textsIn } from "../../src/domain/topic/SealedText.ts"
import { sealCommand } from "./RoomLog.ts"
import { onlineRooms, type RoomsPair, roomTopics } from "./RoomsPair.ts"
import { uuid } from "./ScriptedServer.ts"

const Topic = Schema.Literals(roomTopics)
const times = Schema.Literals([1, 2, 5])
const Submission = Schema.Union([
  Schema.TaggedStruct("Post", { topic: Topic }),
  Schema.TaggedStruct("PostByOther", { topic: Topic, times })
])
const Delivery = Schema.Union([
  Schema.TaggedStruct("ServerReceive", { times }),
  Schema.TaggedStruct("StartRead", {}),
  Schema.TaggedStruct("StepRoom", { topic: Topic, times }),
  Schema.TaggedStruct("ClientReceive", { times })
])
const Fault = Schema.Union([
  Schema.TaggedStruct("Reconnect", {}),
  Schema.TaggedStruct("CutConnection", {}),
  Schema.TaggedStruct("ServerReceiveOld", {}),
  Schema.TaggedStruct("Coalesce", { topic: Topic }),
  Schema.TaggedStruct("Desync", { topic: Topic }),
  Schema.TaggedStruct("AdvanceTime", { millis: Schema.Literals([250, 3_000]) })
])
type Operation = typeof Submission.Type | typeof Delivery.Type | typeof Fault.Type
/** Mostly deliveries, so that faults meet messages in flight. */
const operations = Arbitrary.schema(Schema.Literals([...Array(8).keys()])).pipe(
  Arbitrary.flatMap((n): Arbitrary.Arbitrary<Operation> =>
    n < 2 ? Arbitrary.schema(Submission) : n < 7 ? Arbitrary.schema(Delivery) : Arbitrary.schema(Fault)
  )
)
const scripts = Arbitrary.array(operations, { minLength: 12, maxLength: 60 })

const repeat = (times: number, call: () => unknown): void => {
  for (let i = 0; i < times; i++) call()
}

/** A pair, and the commands of its client. */
class Reader {
  readonly pair: RoomsPair = onlineRooms()
  private readonly commands: Array<{ readonly topic: TopicId; readonly id: CommandId; readonly sealed: SealedText }> =
    []

  post(topic: TopicId): void {
    const n = this.commands.length
    const content = `mine ${n}`
    // Not one of the ids that the client gives its own messages.
    const id = CommandId.make(uuid(0xdddd_0000 + n))
    const [sealed] = textsIn(sealCommand({ _tag: "send_message", content }, id))
    this.commands.push({ topic, id, sealed: sealed!.text })
    this.pair.post(topic, id, content)
  }

  /** Each command is shown once, and its text is sealed as the server seals it (TOP10). */
  check(): void {
    for (const { id, sealed, topic } of this.commands) {
      const { messages } = this.pair.client.replicas.get(topic)!.state as RoomModel.State
      assert.deepStrictEqual(messages.filter((message) => message.id === id).map(({ content }) => content), [sealed])
    }
  }

  apply(operation: Operation): void {
    const { pair } = this
    switch (operation._tag) {
      case "Post":
        return this.post(operation.topic)
      case "PostByOther":
        return repeat(operation.times, () => pair.postByOther(operation.topic, "theirs"))
      case "ServerReceive":
        return repeat(operation.times, () => pair.serverReceive())
      case "ServerReceiveOld":
        return void pair.serverReceive(true)
      case "StartRead":
        return void pair.startRead()
      case "StepRoom":
        return repeat(operation.times, () => pair.stepRoom(operation.topic))
      case "ClientReceive":
        return repeat(operation.times, () => {
          pair.clientReceive()
          this.check()
        })
      case "Coalesce":
        return pair.coalesce(operation.topic)
      case "Desync":
        return pair.desync(operation.topic)
      case "Reconnect":
        return pair.reconnect()
      case "CutConnection":
        return pair.cutConnection()
      case "AdvanceTime":
        return pair.advanceTime(operation.millis)
    }
  }
}

describe("optimistic state", () => {
  it.prop(
    "[SYN10] [TOP10] an own command is shown once, under the same seals, from its submission on, in any order of deliveries",
    {
      script: scripts
    },
    ({ script }) => {
      const reader = new Reader()
      for (const operation of script) {
        reader.apply(operation)
        reader.check()
      }
      reader.pair.runUntilQuiescent()
      reader.check()
      for (const topic of roomTopics) {
        const replica = reader.pair.client.replicas.get(topic)
        assert.deepStrictEqual(replica?.confirmed, reader.pair.rooms.get(topic)?.state)
        assert.strictEqual(replica?.state, replica?.confirmed)
      }
      assert.deepStrictEqual(reader.pair.client.outbox, [])
    },
    { arbitrary: { runs: 150, size: 60 } }
  )
})
