/** The kinds of topic that come with the server, by name (TOP8). */
import { ledgerKind } from "./ledger/Ledger.ts"
import { roomKind } from "./room/Room.ts"
import { threadKind } from "./thread/Thread.ts"
import type { AnyKind } from "./topic/Topic.ts"

const kinds: ReadonlyArray<AnyKind> = [threadKind, ledgerKind, roomKind]

/** By the part of a topic id before the colon. */
export const builtInKinds: ReadonlyMap<string, AnyKind> = new Map(kinds.map((kind) => [kind.name, kind]))
