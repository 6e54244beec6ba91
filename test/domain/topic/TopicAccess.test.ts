import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { notFound } from "../../../src/domain/protocol/Rejection.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import {
  canAllRead,
  checkAccess,
  isRestricted,
  mayRead,
  noAccessRejection
} from "../../../src/domain/topic/TopicAccess.ts"
import * as CounterKind from "../../support/CounterKind.ts"

const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const create = { _tag: "create_thread", name: "Bread" }
const write = { _tag: "submit_message", content: "hello" }

describe("checkAccess", () => {
  it("[SEC9] a reader is admitted, another user's subscription is rejected without a load", () => {
    assert.strictEqual(checkAccess(threadKind, ada, true, undefined), "Admit")
    assert.strictEqual(checkAccess(threadKind, ada, false, undefined), "Reject")
  })

  it("[SEC9] [SYN4] another user's command is admitted when it creates the topic, else only if it was applied before", () => {
    assert.strictEqual(checkAccess(threadKind, ada, false, create), "Admit")
    assert.strictEqual(checkAccess(threadKind, ada, false, write), "AdmitIfProcessed")
  })

  it("[SEC9] the server itself, and kinds that anyone may ask, are not restricted", () => {
    assert.isFalse(isRestricted(threadKind, "system:clock"))
    assert.isFalse(isRestricted(CounterKind.kind, ada))
    assert.isTrue(isRestricted(threadKind, ada))
    assert.strictEqual(checkAccess(threadKind, "system:clock", false, undefined), "Admit")
  })
})

describe("the answer to a user without access", () => {
  it("[SEC9] [AUT4] is the answer for a topic that does not exist", () =>
    assert.strictEqual(noAccessRejection, notFound))

  it("[AUT4] [FLT25] a kind that throws when it is asked admits no reader", () => {
    const broken = {
      ...CounterKind.kind,
      canRead: () => {
        throw new TypeError("a defect")
      }
    }
    const state = CounterKind.kind.initial(TopicId.make("counter:one"))
    assert.isFalse(mayRead(broken, state, ada))
    assert.isTrue(mayRead(CounterKind.kind, state, ada))
    assert.isFalse(mayRead(CounterKind.kind, { ...state, readers: [] }, ada))
  })
})

const Readers = Schema.Struct({
  visibility: Schema.Literals(["public", "members"]),
  members: Schema.Array(Schema.Literals(["system:ann", "system:ben", "system:cat"])).check(Schema.isMinLength(1))
})

describe("the readers of two topics", () => {
  it.prop("[CHO13] all readers of one may read the other if no user may read the first alone", {
    readers: Readers,
    others: Readers
  }, ({ others, readers }) => {
    const users = ["system:ann", "system:ben", "system:cat", "system:stranger"] as const
    const reads = ({ members, visibility }: typeof Readers.Type, user: (typeof users)[number]) =>
      visibility === "public" || members.some((member) => member === user)
    assert.strictEqual(
      canAllRead(readers, others),
      users.every((user) => !reads(readers, user) || reads(others, user))
    )
  })
})
