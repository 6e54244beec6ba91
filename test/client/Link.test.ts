import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Machine from "../../src/client/Machine.ts"
import { closeCode, mayReconnect } from "../../src/domain/connection/CloseCode.ts"
import { challengeText } from "../../src/domain/Protocol.ts"
import { me, other, topic, uuid } from "./ScriptedServer.ts"
import { World } from "./World.ts"

const online = (): World => {
  const world = new World()
  world.settle()
  world.toServer = []
  world.toClient = []
  return world
}

const sent = (world: World) => world.toServer.map((message) => message.type)

/** How long the client waits after the connection closed. */
const wait = (world: World, code: number, random: number): number | undefined => {
  world.put({ _tag: "Closed", socket: world.socket, code, random })
  return world.state.link._tag === "Reconnecting" ? world.state.link.dueAt - world.now : undefined
}

describe("the client's connection", () => {
  it("[AUT1] signs every field of the challenge, and nothing for a server of another name", () => {
    const world = new World()
    assert.deepStrictEqual(sent(world), ["connect"])
    const challenge = {
      nonce: "bm9uY2U",
      audience: "http://choir.test",
      origin: "o",
      connection_id: "c1",
      issued_at: 1,
      expires_at: 2
    }
    world.say({ _tag: "challenge", ...challenge }, undefined)
    world.deliver()
    assert.deepInclude(world.intents, { _tag: "Sign", socket: 1, text: challengeText(challenge, me) })
    const elsewhere = new World()
    elsewhere.say({ _tag: "challenge", ...challenge, audience: "http://evil.test" }, undefined)
    elsewhere.deliver()
    assert.strictEqual(elsewhere.intents.some((intent) => intent._tag === "Sign"), false)
    assert.strictEqual(Machine.phase(elsewhere.state)._tag, "Disconnected")
  })

  it("[AUT2] resumes by its token, and falls back to a signature when that is over", () => {
    const world = online()
    world.cut()
    world.pass(20_000)
    assert.deepStrictEqual(sent(world), ["resume"])
    world.say({
      _tag: "error",
      ref_id: world.toServer[0]!.id,
      code: "auth_failed",
      message: "over",
      retryable: false
    }, undefined)
    world.toServer = []
    world.deliver()
    assert.deepStrictEqual(sent(world), ["connect"])
    world.settle()
    assert.strictEqual(Machine.phase(world.state)._tag, "Subscribed")
  })

  it("[AUT2] renews the session before it ends, by the server's clock", () => {
    const world = online()
    const until = world.now + 600_000
    while (world.now < until) {
      world.pass(5_000)
      if (sent(world).includes("renew")) break
      while (world.serve() || world.deliver());
    }
    assert.include(sent(world), "renew")
    assert.isAtMost(world.now, until)
    while (world.serve() || world.deliver());
    assert.isAbove(world.state.session?.renewAt ?? 0, until)
  })

  it("[SYN10] full jitter: a random part of 500 ms x 2^n, at most 20 s, and from the start after a good while", () => {
    const world = online()
    world.up = false
    const waits = [wait(world, 1006, 0.5)]
    for (let i = 0; i < 7; i++) {
      world.up = true
      world.pass(20_000)
      waits.push(wait(world, 1006, 0.999_999))
    }
    assert.deepStrictEqual(waits, [250, 999, 1999, 3999, 7999, 15_999, 19_999, 19_999])
    world.settle()
    world.now += 10_000
    assert.strictEqual(wait(world, 1006, 0.999_999), 499)
  })

  it("[SYN11][SYN10] an announced restart is no failure: however many there are, the client is back soon", () => {
    const world = online()
    for (let restart = 0; restart < 8; restart++) {
      world.say({ _tag: "goodbye", code: 1012, reason: "restart", resume: true, retry_after_ms: 100 }, undefined)
      world.deliver()
      assert.strictEqual(wait(world, closeCode.restart, 0.999_999), 599)
      world.settle()
    }
  })

  it("[SYN11][FLT24] whoever waits for a restarting server asks every five seconds at least, for a minute", () => {
    const world = online()
    const began = world.now
    let longest = wait(world, closeCode.restart, 0.999_999) ?? 0
    for (let tries = 0; world.now < began + 60_000; tries++) {
      assert.isBelow(tries, 100)
      assert.isAtMost(longest, 5_000)
      world.pass(20_000)
      longest = Math.max(longest, wait(world, 1006, 0.999_999) ?? 0)
    }
    assert.isAbove(longest, 15_000)
    world.settle()
    assert.strictEqual(Machine.phase(world.state)._tag, "Subscribed")
  })

  it("[SYN10] a page that becomes visible is back at once, unless the server asked for a pause", () => {
    const world = online()
    wait(world, 1006, 0.9)
    world.put({ _tag: "Shown" })
    assert.strictEqual(world.state.link._tag, "Connecting")
    const drained = online()
    drained.say({ _tag: "goodbye", code: 1012, reason: "restart", resume: true, retry_after_ms: 3000 }, undefined)
    drained.deliver()
    assert.strictEqual(wait(drained, closeCode.restart, 0.5), 3250)
    drained.put({ _tag: "Shown" })
    assert.strictEqual(drained.state.link._tag, "Reconnecting")
    drained.pass(3000)
    assert.strictEqual(drained.state.link._tag, "Connecting")
  })

  it("[CON6] overload keeps a client away for ten seconds at least", () => {
    assert.isAtLeast(wait(online(), closeCode.overload, 0) ?? 0, 10_000)
  })

  it.prop("[CON6] the close code alone decides whether the client comes back", {
    code: Schema.Literals([...Object.values(closeCode), 1005, 1006])
  }, ({ code }) => {
    const world = online()
    wait(world, code, 0.5)
    assert.strictEqual(world.state.link._tag, mayReconnect(code) ? "Reconnecting" : "Disconnected")
  })

  it.each([closeCode.stateReset, closeCode.insufficientState])(
    "[SYN8] after %s the client asks without its position",
    (code) => {
      const world = online()
      world.cut(code)
      world.pass(20_000)
      world.serve()
      world.deliver()
      assert.deepStrictEqual(
        world.toServer.filter((message) => message.type === "subscribe").map((message) => message.payload),
        [{}]
      )
    }
  )

  it("[CON3] asks after 20 s of silence and gives up after 40", () => {
    const world = online()
    world.pass(20_000) // Acknowledges first.
    world.pass(20_000)
    assert.deepStrictEqual(sent(world), ["ack", "heartbeat"])
    world.toServer = []
    world.pass(20_000)
    assert.strictEqual(world.state.link._tag, "Reconnecting")
    const answered = online()
    answered.pass(20_000)
    answered.pass(20_000)
    while (answered.serve() || answered.deliver());
    answered.pass(19_000)
    assert.strictEqual(answered.state.link._tag, "Online")
  })

  it("[AUT3] a sign-in that takes ten seconds is tried again on another connection", () => {
    const world = new World()
    world.pass(10_000)
    assert.strictEqual(world.state.link._tag, "Reconnecting")
  })

  it("[SYN10] an ended connection tells everybody who waits, and shows only what is decided", () => {
    const world = online()
    world.command(7, { _tag: "send_message", content: "never sent" })
    wait(world, closeCode.replaced, 0)
    assert.deepStrictEqual(world.outcomes.get(uuid(7)), [false])
    const replica = world.state.replicas.get(topic)!
    assert.strictEqual(replica.state, replica.decided)
    world.put({ _tag: "Started" })
    world.settle()
    assert.strictEqual(Machine.phase(world.state)._tag, "Subscribed")
  })

  it("[CON7] too fast: the command waits as long as it is told to, then leaves under the same id", () => {
    const world = online()
    world.next = "rate_limited"
    world.command(7, { _tag: "send_message", content: "eager" })
    world.serve()
    world.deliver()
    assert.deepStrictEqual(sent(world), [])
    const asked = world.now
    world.settle()
    assert.deepStrictEqual(world.arrivals, [uuid(7), uuid(7)])
    assert.isAtLeast(world.now - asked, 500)
    assert.deepStrictEqual(world.outcomes.get(uuid(7)), [true])
  })

  it("[SEC26][SYN10] a sign-in that must wait comes back on another connection when it was told to, by the same means", () => {
    const world = online()
    wait(world, 1006, 0)
    world.pass(20_000)
    const [resume] = world.toServer
    assert.strictEqual(resume?.type, "resume")
    const since = world.now
    const refuse = (ref_id: string) => {
      world.say({ _tag: "error", ref_id, code: "rate_limited", message: "later", retryable: true, retry_after_ms: 700 })
      world.deliver()
    }
    refuse(resume!.id)
    assert.strictEqual(Machine.phase(world.state)._tag, "Reconnecting")
    world.pass(60_000)
    assert.isAtLeast(world.now - since, 700)
    assert.deepStrictEqual(world.toServer.map(({ type }) => type), ["resume"])
    world.settle()
    assert.strictEqual(Machine.phase(world.state)._tag, "Subscribed")
  })

  it("[SYN12] what the server does not show is refused with its sentence, and nothing else is touched", () => {
    const world = new World()
    while (world.toServer.every((message) => message.type !== "subscribe")) {
      if (!world.serve()) world.deliver()
    }
    const ref_id = world.toServer.find((message) => message.type === "subscribe")!.id
    world.toServer = []
    world.say({ _tag: "error", ref_id, code: "not_found", message: "not there", retryable: false })
    world.deliver()
    const sync = world.state.replicas.get(topic)!.sync
    assert.strictEqual(sync._tag === "Refused" ? sync.fault.message : "", "not there")
    assert.strictEqual(Machine.phase(world.state)._tag, "Authenticated")
    assert.strictEqual(world.append(uuid(8), other, { _tag: "send_message", content: "x" }), 3)
  })
})
