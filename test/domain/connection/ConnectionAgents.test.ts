import { assert, describe, it } from "@effect/vitest"
import { makeAttestation } from "../../support/Attestations.ts"
import { makeTestUser } from "../../support/TestUsers.ts"
import { auth, challengeIssued, connect, controlReceived, key, run, signedIn } from "./ConnectionFixture.ts"

const verified = makeAttestation(makeTestUser().key, key)
const forged = makeAttestation(makeTestUser().key, key)
const connectAs = (attestation: typeof verified) => controlReceived({ _tag: "connect", public_key: key, attestation })
const resumeAs = (attestation: typeof verified) => controlReceived({ _tag: "resume", session_token: "t", attestation })

describe("agents on a connection", () => {
  it("[AUT8] the attestation is verified with the signature or the token, and stands for the session", () => {
    const { intents, state } = run([connectAs(verified), challengeIssued, auth])
    assert.deepInclude(intents[0], { _tag: "VerifySignature", attestation: verified })
    assert.deepInclude(run([resumeAs(verified)]).intents[0], { _tag: "ResumeSession", attestation: verified })
    assert.strictEqual(run([{ ...signedIn, attestation: verified }], state).state.attestation, verified)
    assert.isNull(run([controlReceived({ _tag: "sign_out" })], run([signedIn], state).state).state.attestation)
  })

  it("[AUT8] what is presented while another attestation is being verified, under the same id, takes no effect", () => {
    const signIns = [[connectAs(verified), { ...signedIn, attestation: verified }], [connect, signedIn]] as const
    for (const [first, success] of signIns) {
      // The second `auth` fails, so that another sign-in may begin before the first one is verified.
      const { state } = run([first, challengeIssued, auth, auth, resumeAs(forged), success])
      assert.strictEqual(state.status._tag, "Authenticated")
      assert.notStrictEqual(state.attestation, forged)
    }
  })
})
