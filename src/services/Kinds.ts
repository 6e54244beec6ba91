/** The kinds of topic this server knows, by name (TOP8). */
import { Context } from "effect"
import type { AnyKind } from "../domain/topic/Topic.ts"

export class Kinds extends Context.Service<Kinds, ReadonlyMap<string, AnyKind>>()("choir/services/Kinds") {}
