/** The words of the row with the user's key. */
import { defineMessages } from "../language/Language.ts"

/** Its messages. */
export const keyRowMessages = defineMessages({
  en: {
    yourKey: "Your key",
    tokens: "tokens"
  },
  de: {
    yourKey: "Dein Schlüssel",
    tokens: "Token"
  }
})
