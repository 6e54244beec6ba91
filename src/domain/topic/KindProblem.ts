/** Finds what makes a kind impossible to serve, before a server starts with it (TOP8). */
import { Result } from "effect"
import { clientControlTypes } from "../protocol/Protocol.ts"
import { commandTags } from "./CommandTags.ts"
import { type AnyKind, HostAnswer } from "./Topic.ts"

/** The part of a topic id before the colon. */
const kindName = /^[a-z][a-z0-9]{0,31}$/

/** Of a message's type. */
const maxTagLength = 64

/** Why a kind cannot be served, as the end of a sentence that begins with its name; undefined if it can. */
export const findKindProblem = (kind: AnyKind): string | undefined => {
  if (!kindName.test(kind.name)) {
    return "a name has 1 to 32 lower-case letters and digits and begins with a letter, since topics are called <name>:…"
  }
  if (!Number.isSafeInteger(kind.version) || kind.version < 1) return "its version is not a whole number from 1"
  for (let version = 1; version < kind.version; version++) {
    if (kind.upcasters[version] === undefined) {
      return `it has no upcaster from version ${version}, to read older logs with`
    }
  }
  const tags = Result.try(() => commandTags(kind.Command.ast))
  if (Result.isFailure(tags)) return "each case of its Command schema needs a literal _tag"
  if (!hasSameMembers(tags.success, kind.commands)) {
    return "its commands are not the tags of its Command schema: leave them to Domain.Topic.define"
  }
  const answerTags = new Set([...tagsOrNone(kind.Answer), ...commandTags(HostAnswer.ast)])
  for (const tag of kind.commands) {
    if (clientControlTypes.has(tag)) return `its command ${tag} is a message of the protocol: choose another tag`
    if (answerTags.has(tag)) {
      return `its command ${tag} is an answer as well, which users could forge: choose another tag`
    }
    if (tag === "" || tag.length > maxTagLength) return `the tag of a command has 1 to ${maxTagLength} characters`
  }
  const unknownCommand = [...kind.creationCommands ?? []].find((tag) => !kind.commands.has(tag))
  return unknownCommand === undefined ? undefined : `it has no command ${unknownCommand}, which would create its topics`
}

const hasSameMembers = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((member) => b.has(member))

/** A kind that was made without `define` may have answers without tags. */
const tagsOrNone = ({ ast }: AnyKind["Answer"]): ReadonlySet<string> =>
  Result.getOrElse(Result.try(() => commandTags(ast)), () => new Set<string>())
