import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Config from "../../../src/layers/config/Config.ts"
import { summarizeStart } from "../../../src/layers/config/StartSummary.ts"

const summary = (env: Readonly<Record<string, string>>, url: string) =>
  summarizeStart(Result.getOrThrow(Config.parse(env)), { url, folder: "/srv/data", cli: "choir" })

describe("the first words of a server", () => {
  it("name the model, the data and the next step", () => {
    assert.strictEqual(
      summary({}, "http://127.0.0.1:4100"),
      "Choir is listening on http://127.0.0.1:4100\n"
        + "  Answers  the offline model, which only quotes; CHOIR_LLM_URL sets another\n"
        + "  Data     /srv/data\n"
        + "  Next     open the address, or import texts: choir import docs\n"
    )
  })

  it("[SEC33] name other addresses, and no secret", () => {
    const words = summary({
      CHOIR_LLM_URL: "https://llm.example/v1?key=canary",
      CHOIR_LLM_KEY: "canary",
      CHOIR_LLM_MODEL: "small",
      CHOIR_POSTGRES_URL: "postgres://user:canary@db.example/choir"
    }, "http://127.0.0.1:80")
    assert.include(words, "small at llm.example\n")
    assert.include(words, "Postgres; vectors in /srv/data\n")
    assert.include(words, " CHOIR_URL=http://127.0.0.1:80 choir import docs\n")
    assert.notInclude(words, "canary")
  })
})
