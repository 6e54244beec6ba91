import { assert, describe, it } from "@effect/vitest"
import type { Client } from "../../../src/client/Client.ts"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { ChoirProvider } from "../../../src/react/ClientContext.ts"
import { LanguageContext, pageLanguage } from "../../../src/web/language/Language.ts"
import { AuthorLine } from "../../../src/web/people/AuthorLine.tsx"
import { UserName } from "../../../src/web/people/UserName.tsx"
import { render } from "../Rendered.ts"

const me = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const other = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const client = { me } as Partial<Client> as Client

const inLanguage = (language: "en" | "de", children: React.ReactNode) => (
  <LanguageContext value={pageLanguage(language, [])}>
    <ChoirProvider client={client}>{children}</ChoirProvider>
  </LanguageContext>
)

describe("UserName", () => {
  it("is a short key with the whole one as its title, and a word for the reader", async () => {
    const names = [other, me, "system:chorus" as const].map((author) => <UserName key={author} author={author} />)
    await using page = await render(inLanguage("en", names))
    const shown = () => Array.from(page.container.children, (name) => [name.textContent, name.getAttribute("title")])
    assert.deepStrictEqual(shown(), [["PUAX…0Zgw", other], ["you", me], ["Choir", "system:chorus"]])
    await page.update(inLanguage("de", names))
    assert.strictEqual(shown()[1]?.[0], "du")
  })
})

describe("AuthorLine", () => {
  const at = Date.UTC(2026, 2, 16, 10)

  it("[AUT8] says for whom an agent acts", async () => {
    await using page = await render(inLanguage("en", <AuthorLine author={other} owner={me} at={at} />))
    assert.include(page.container.textContent, "agent, authorised by you")
    await page.update(inLanguage("en", <AuthorLine author={other} at={at} />))
    assert.notInclude(page.container.textContent, "agent")
  })

  it("has the time for readers and for programs", async () => {
    await using page = await render(inLanguage("en", <AuthorLine author={other} at={at} tag="asks to join" />))
    const time = page.container.querySelector("time")
    assert.strictEqual(time?.dateTime, "2026-03-16T10:00:00.000Z")
    assert.match(time?.title ?? "", /2026/)
    assert.include(page.container.textContent, "asks to join")
  })
})
