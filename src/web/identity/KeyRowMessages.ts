/** The words of the row with the user's key. */
import { defineMessages } from "../language/Language.ts"

/** Its messages. */
export const keyRowMessages = defineMessages({
  en: {
    yourKey: "Your key",
    yourKeyOf: (key: string, tokens: string) => `Your key, ${key}${tokens === "" ? "" : `, ${tokens}`}`
  },
  de: {
    yourKey: "Dein Schlüssel",
    yourKeyOf: (key, tokens) => `Dein Schlüssel, ${key}${tokens === "" ? "" : `, ${tokens}`}`
  }
})
