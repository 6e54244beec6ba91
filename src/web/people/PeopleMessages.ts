/** Words about people. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of names and authors. */
export const peopleMessages = defineMessages({
  en: {
    you: "you",
    agent: "agent",
    /** For whom an agent acts; a name follows. */
    authorisedBy: "agent, authorised by"
  },
  de: {
    you: "du",
    agent: "Agent",
    authorisedBy: "Agent, beauftragt von"
  }
})
