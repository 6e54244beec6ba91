import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createPublicKey, verify } from "node:crypto"
import { Client, Keys } from "../../src/client/index.ts"
import { CommandId } from "../../src/domain/protocol/Ids.ts"
import * as SignedCommand from "../../src/domain/protocol/SignedCommand.ts"
import { roomKind } from "../../src/domain/room/Room.ts"
import { listen } from "./ClientSocketFixture.ts"
import { sealCommand } from "./RoomLog.ts"
import { audience, ScriptedServer, topic, uuid } from "./ScriptedServer.ts"

describe("ClientSockets", () => {
  it.live("[AUT5] with `signCommands` each command carries a valid signature, and the order is kept", () =>
    Effect.scoped(Effect.gen(function*() {
      const identity = yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret)
      const server = new ScriptedServer(identity.publicKey)
      const { url } = yield* listen(server)
      const options = { url, identity, kinds: [roomKind], checkAudience: false, signCommands: true }
      const lobby = (yield* Client.make(options)).topic(roomKind, topic)
      const sendNumber = (n: number) => lobby.send({ _tag: "send_message", content: n }, uuid(n))
      yield* Effect.all([sendNumber(7), sendNumber(8), sendNumber(9)], { concurrency: "unbounded" })
      assert.deepStrictEqual(server.receivedIds, [uuid(7), uuid(8), uuid(9)])
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: identity.publicKey }, format: "jwk" })
      for (const { id, payload, salt = "", signature, thread_id, timestamp, type } of server.commands) {
        assert.strictEqual(thread_id, topic)
        const command = sealCommand({ ...payload, _tag: type }, id, salt)
        const text = SignedCommand.signingInput(CommandId.make(id), { audience, topic, timestamp, command })
        assert.isTrue(verify(null, Buffer.from(text), key, Buffer.from(signature ?? "", "base64url")))
      }
    })))
})
