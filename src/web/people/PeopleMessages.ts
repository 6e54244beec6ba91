/** Words about people. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of names and authors. */
export const peopleMessages = defineMessages({
  en: {
    you: "you",
    /** For whom an agent acts; a name follows. */
    authorisedBy: "agent, authorised by"
  },
  de: {
    you: "du",
    authorisedBy: "Agent, beauftragt von"
  }
})
