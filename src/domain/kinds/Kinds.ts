/** The kinds of topic that come with the server, by name (TOP8). */
import type { AnyKind } from "../Topic.ts"
import { ledger } from "./Ledger.ts"
import { room } from "./Room.ts"
import { thread } from "./Thread.ts"

const all: ReadonlyArray<AnyKind> = [thread, ledger, room]

/** By the part of a topic id before the colon. */
export const shipped: ReadonlyMap<string, AnyKind> = new Map(all.map((kind) => [kind.name, kind]))
