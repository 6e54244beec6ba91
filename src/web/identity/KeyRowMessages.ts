/** The words of the row with the user's key. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the key's row. */
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
