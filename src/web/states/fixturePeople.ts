/** The people of the states. Their keys are hashes of their names, so that their avatars stay the same. */
import { sha256 } from "../../client/Sha256.ts"
import { UserId } from "../../domain/protocol/Ids.ts"
import { type Agent, agentOf } from "../../domain/protocol/Principal.ts"
import { day, fixtureNow } from "./fixtureTime.ts"

const user = (name: string): UserId => UserId.make(sha256(name))

const mara = user("Mara")
const ilyas = user("Ilyas")
const noor = user("Noor")
const ben = user("Ben")
const tomas = user("Tomás")
const elin = user("Elin")

/** Mara's page is shown; Tomás and Elin are not co-authors of her thread. */
export { ben, elin, ilyas, mara, noor, tomas }

/** An agent of Ilyas. */
export const scribe: Agent = agentOf({
  agent: user("Ilyas' scribe"),
  audience: location.host,
  budget: null,
  commands: [],
  expires_at: fixtureNow() + day,
  issued_at: fixtureNow() - day,
  owner: ilyas,
  signature: "",
  topics: []
})
