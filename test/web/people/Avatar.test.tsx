import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { Avatar } from "../../../src/web/people/Avatar.tsx"
import { avatarShapes } from "../../../src/web/people/AvatarShapes.ts"
import { render } from "../Rendered.ts"

const random = (count: number) =>
  Array.from({ length: count }, () => UserId.make(Base64Url.encode(crypto.getRandomValues(new Uint8Array(32)))))

describe("avatarShapes", () => {
  it.prop("has one turned shape of one of two inks in each quarter", [Schema.String], ([key]) => {
    const { ground, shapes } = avatarShapes(key)
    assert.deepStrictEqual(shapes.map(({ x, y }) => [x, y]), [[0, 0], [16, 0], [0, 16], [16, 16]])
    assert.isAtMost(new Set(shapes.map(({ fill }) => fill)).size, 2)
    for (const { fill, turn } of shapes) {
      assert.notStrictEqual(fill, ground)
      assert.include([0, 90, 180, 270], turn)
    }
  })

  // The SHA-256 of this key's bytes begins with 21 fe 31 df a1.
  it("follows the hash of the key's bytes", () => {
    const { ground, shapes } = avatarShapes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert.strictEqual(ground, "#2e7f86")
    assert.deepStrictEqual(shapes.map(({ turn }) => turn), [270, 180, 270, 0])
    const [halfDisc, triangle, sameTriangle, bar] = shapes.map(({ path }) => path)
    assert.strictEqual(triangle, sameTriangle)
    assert.strictEqual(new Set([halfDisc, triangle, bar]).size, 3)
    const [first, second, third, fourth] = shapes.map(({ fill }) => fill)
    assert.deepStrictEqual([first, second], [third, fourth])
    assert.notStrictEqual(first, second)
  })

  it("distinguishes keys", () => {
    const keys = random(500)
    const byLook = Map.groupBy(keys, (key) => JSON.stringify(avatarShapes(key)))
    const equalPairs = [...byLook.values()].reduce((sum, { length }) => sum + length * (length - 1) / 2, 0)
    assert.isAtMost(equalPairs, 500 * 499 / 2 / 1_000)
  })

  it("uses every palette and shape", () => {
    const looks = random(500).map(avatarShapes)
    assert.strictEqual(new Set(looks.map(({ ground }) => ground)).size, 10)
    assert.strictEqual(new Set(looks.flatMap(({ shapes }) => shapes.map(({ path }) => path))).size, 6)
  })
})

describe("Avatar", () => {
  it("is round for a person, square for an agent, and Choir's mark for Choir", async () => {
    const [key] = random(1)
    await using page = await render(
      <>
        <Avatar author={key!} />
        <Avatar author={key!} isAgent />
        <Avatar author="system:chorus" />
      </>
    )
    const [person, agent, choir] = [...page.container.querySelectorAll("svg")]
    const isSquare = (element: Element | undefined) => /square/.test(element?.getAttribute("class") ?? "")
    assert.deepStrictEqual([person, agent, choir].map(isSquare), [false, true, true])
    assert.strictEqual(person?.innerHTML, agent?.innerHTML)
    assert.notStrictEqual(choir?.innerHTML, person?.innerHTML)
    assert.isTrue([person, agent, choir].every((element) => element?.getAttribute("aria-hidden") === "true"))
  })
})
