/**
 * Inspects a server process through Node's inspector protocol: memory after a garbage collection, and the number of live
 * objects of a class. The server needs no code for it.
 */
import { Deferred, Effect, type Scope } from "effect"
import { WebSocket } from "ws"
import type { ServerProcess } from "./ServerProcess.ts"

/** Node arguments that enable inspection. */
export const nodeArgs: ReadonlyArray<string> = ["--inspect=127.0.0.1:0"]

/** Memory of a process. */
export interface MemoryUsage {
  /** Bytes. */
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

/** The measurements of a server process. */
export interface Inspector {
  /** Memory after garbage collections. */
  readonly memory: Effect.Effect<MemoryUsage>
  /** CPU time of the process so far, in milliseconds. */
  readonly cpuMillis: Effect.Effect<number>
  /** Counts live instances of an exported class for which `predicate`, an expression on `it`, holds; `module` is relative to `dist`. */
  readonly countInstances: (module: string, name: string, predicate?: string) => Effect.Effect<number>
  /** Number of Effect fibers that have not ended. */
  readonly fibers: Effect.Effect<number>
  /** Active resources by type, such as sockets and timers. */
  readonly resources: Effect.Effect<Readonly<Record<string, number>>>
}

interface RemoteObject {
  readonly value?: unknown
  readonly objectId?: string
}

const inspectorUrl = (server: ServerProcess): string => {
  const found = /ws:\/\/\S+/.exec(server.stderr())
  if (found === null) throw new Error("the server was not started for inspection")
  return found[0]
}

/** Attaches to a server started with `nodeArgs`, until the scope ends. */
export const inspect = (server: ServerProcess): Effect.Effect<Inspector, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pendingCalls = new Map<number, Deferred.Deferred<Record<string, unknown>>>()
    const ws = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket(inspectorUrl(server))),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("error", () => {})
    ws.on("message", (data) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> }
      const reply = id === undefined ? undefined : pendingCalls.get(id)
      if (reply !== undefined) Deferred.doneUnsafe(reply, Effect.succeed(result ?? {}))
    })
    yield* Effect.callback<void>((resume) => void ws.on("open", () => resume(Effect.void)))

    let callCount = 0
    const call = (method: string, params: object = {}) =>
      Effect.suspend(() => {
        const id = ++callCount
        const answer = Deferred.makeUnsafe<Record<string, unknown>>()
        pendingCalls.set(id, answer)
        ws.send(JSON.stringify({ id, method, params }))
        return Deferred.await(answer)
      })
    const evaluate = (expression: string, returnByValue = true) =>
      Effect.map(call("Runtime.evaluate", { expression, returnByValue }), ({ result }) => result as RemoteObject)
    const apply = (objectId: string, functionDeclaration: string) =>
      Effect.map(
        call("Runtime.callFunctionOn", { objectId, functionDeclaration, returnByValue: true }),
        ({ result }) => (result as RemoteObject).value
      )
    const collect = call("HeapProfiler.collectGarbage")

    /** Applies a function, in the server, to all live objects with a prototype. */
    const countAlive = (prototype: string, functionDeclaration: string) =>
      Effect.gen(function*() {
        const { objectId } = yield* evaluate(prototype, false)
        const { objects } = yield* call("Runtime.queryObjects", {
          prototypeObjectId: objectId,
          objectGroup: "choir-test"
        })
        const answer = yield* apply((objects as RemoteObject).objectId!, functionDeclaration)
        yield* call("Runtime.releaseObjectGroup", { objectGroup: "choir-test" })
        return answer as number
      })
    const requireExpression = (module: string) =>
      `process.getBuiltinModule("node:module").createRequire(process.argv[1])(${JSON.stringify(module)})`

    return {
      memory: collect.pipe(
        Effect.andThen(collect),
        Effect.andThen(evaluate("process.memoryUsage()")),
        Effect.map(({ value }) => value as MemoryUsage)
      ),
      cpuMillis: Effect.map(evaluate("process.cpuUsage()"), ({ value }) => {
        const { system, user } = value as NodeJS.CpuUsage
        return (system + user) / 1_000
      }),
      countInstances: (module, name, predicate = "true") =>
        countAlive(
          `${requireExpression(module)}.${name}.prototype`,
          `function() { return this.filter((it) => ${predicate}).length }`
        ),
      fibers: countAlive(
        `Object.getPrototypeOf(${requireExpression("effect")}.Effect.runFork(${
          requireExpression("effect")
        }.Effect.void))`,
        "function() { return this.filter((fiber) => fiber.pollUnsafe() === undefined).length }"
      ),
      resources: Effect.map(
        evaluate("process.getActiveResourcesInfo().reduce((all, one) => ({ ...all, [one]: (all[one] ?? 0) + 1 }), {})"),
        ({ value }) => value as Readonly<Record<string, number>>
      )
    }
  })
