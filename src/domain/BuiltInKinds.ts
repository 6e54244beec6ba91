/** The kinds of topic that the server ships (TOP8). A server adds others by its settings. */
import { ledgerKind } from "./ledger/Ledger.ts"
import { roomKind } from "./room/Room.ts"
import { threadKind } from "./thread/Thread.ts"
import type { AnyKind } from "./topic/Topic.ts"
import { userKind } from "./user/User.ts"

const kinds: ReadonlyArray<AnyKind> = [threadKind, ledgerKind, roomKind, userKind]

/** The built-in kinds by name, which is the part of a topic id before the colon. */
export const builtInKinds: ReadonlyMap<string, AnyKind> = new Map(kinds.map((kind) => [kind.name, kind]))
