/** Attestations of agents for tests. */
import type { UserId } from "../../src/domain/protocol/Ids.ts"
import type { Attestation } from "../../src/domain/protocol/Principal.ts"
import { signingInput } from "../../src/domain/session/Attestation.ts"
import type { TestUser } from "./TestUsers.ts"

/** The audience of the servers in tests. */
export const testAudience = "http://choir.test"

/** An attestation without a signature: for everything, from 0 for ever. */
export const makeAttestation = (
  owner: UserId,
  agent: UserId,
  more: Partial<Attestation> = {}
): Attestation => ({
  agent,
  audience: testAudience,
  budget: null,
  commands: [],
  expires_at: Number.MAX_SAFE_INTEGER,
  issued_at: 0,
  owner,
  signature: "",
  topics: [],
  ...more
})

/** An attestation that `signer` has signed, by default its owner. */
export const signAttestation = (
  owner: TestUser,
  agent: TestUser,
  more: Partial<Attestation> = {},
  signer: TestUser = owner
): Attestation => {
  const attestation = makeAttestation(owner.key, agent.key, more)
  return { ...attestation, signature: signer.sign(signingInput(attestation)) }
}
