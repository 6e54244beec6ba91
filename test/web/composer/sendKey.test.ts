import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isSendKey } from "../../../src/web/composer/sendKey.ts"

const press = Arbitrary.schema(Schema.Struct({
  key: Schema.Literals(["Enter", "a"]),
  shiftKey: Schema.Boolean,
  ctrlKey: Schema.Boolean,
  metaKey: Schema.Boolean,
  altKey: Schema.Boolean,
  isComposing: Schema.Boolean,
  keyCode: Schema.Literals([13, 229])
}))
const sendKey = Arbitrary.schema(Schema.Literals(["enter", "ctrl-enter"]))
const flag = Arbitrary.schema(Schema.Boolean)
const enter = {
  key: "Enter",
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  keyCode: 13
}

describe("the key that sends", () => {
  it("is Enter or Ctrl + Enter, by choice; on a screen keyboard Enter breaks the line", () => {
    assert.isTrue(isSendKey(enter, "enter", false))
    assert.isFalse(isSendKey(enter, "enter", true))
    assert.isFalse(isSendKey(enter, "ctrl-enter", false))
  })

  it.prop("is Ctrl or Cmd + Enter whatever was chosen", { sendKey, isTouch: flag, isMeta: flag }, (parts) => {
    const { isMeta, isTouch, sendKey } = parts
    assert.isTrue(isSendKey({ ...enter, ctrlKey: !isMeta, metaKey: isMeta }, sendKey, isTouch))
  })

  it.prop(
    "is none with Shift or Alt, within an input method, or other than Enter",
    { press, sendKey, isTouch: flag },
    ({ isTouch, press, sendKey }) => {
      const { altKey, isComposing, key, keyCode, shiftKey } = press
      if (altKey || shiftKey || isComposing || keyCode === 229 || key !== "Enter") {
        assert.isFalse(isSendKey(press, sendKey, isTouch))
      }
    }
  )
})
