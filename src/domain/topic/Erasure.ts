/**
 * Taking text back (TOP10), the same in every kind: the command `erase`, and its event. An erasure changes no hash, no
 * receipt and no signature: they cover commitments.
 *
 * Authors erase their own words, owners those of their agents (AUT8), the server's operator any, and the server what was
 * derived from an erased text. The text stays beside the log, out of reach, until everything that repeats it is erased as
 * well; then it is deleted.
 */
import { Result, Schema } from "effect"
import { Hash } from "../protocol/Hash.ts"
import { Author, EventAddress, Instant, isUser } from "../protocol/Ids.ts"
import { authorOf, ownerOf, type Principal } from "../protocol/Principal.ts"
import { makeRejection, notFound, type Rejection } from "../protocol/Rejection.ts"
import * as SealedText from "./SealedText.ts"

/** The most texts that one command names. */
export const pathsMax = 256

/** JSON Pointers (RFC 6901) to texts of an event. */
const Paths = Schema.Array(Schema.String.check(Schema.isMaxLength(512))).check(Schema.isBetweenLength(1, pathsMax))

/** Erases texts of the event `seq`: those at `paths`, by default all. */
export const Erase = Schema.TaggedStruct("erase", {
  seq: Schema.Natural,
  paths: Schema.optionalKey(Paths),
  reason: Schema.optionalKey(SealedText.written(Schema.String.check(Schema.isMaxLength(2_000))))
})
export type Erase = typeof Erase.Type

/** The server erases what repeats a text that `because` has erased. */
export const EraseDerived = Schema.TaggedStruct("EraseDerived", {
  seq: Schema.Natural,
  paths: Paths,
  because: EventAddress
})
export type EraseDerived = typeof EraseDerived.Type

/** Texts of the event `seq` were erased. */
export const Erased = Schema.TaggedStruct("Erased", {
  seq: Schema.Natural,
  paths: Schema.Array(Schema.String),
  /** The commitments to the texts: whatever repeats one of these seals has lost its text too. */
  texts: Schema.Array(Hash),
  by: Author,
  reason: SealedText.orNull(SealedText.stored),
  /** The erasure that this one follows from; null if somebody asked for it. */
  because: Schema.NullOr(EventAddress),
  at: Instant
})
export type Erased = typeof Erased.Type

const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined

/** Whether an input erases. No kind has another input with these tags. */
export const isErasure = (input: unknown): input is Erase | EraseDerived =>
  tagOf(input) === "erase" || tagOf(input) === "EraseDerived"

/** Whether an event is an erasure. No kind has another event with this tag. */
export const isErased = (event: unknown): event is Erased => tagOf(event) === "Erased"

/** An event of the past that a decision depends on. */
export interface PastEvent {
  readonly principal: Principal
  /** As its kind sees it. */
  readonly event: unknown
}

/** Events of the past after new ones, which may have erased their texts. */
export const erasePast = (
  past: ReadonlyMap<number, PastEvent> | undefined,
  events: ReadonlyArray<unknown>
): ReadonlyMap<number, PastEvent> | undefined => {
  if (past === undefined) return undefined
  const texts = new Set(events.filter(isErased).flatMap(({ texts }) => texts))
  return texts.size === 0 ? past : new Map(
    Array.from(past, ([seq, { event, principal }]) => [seq, { principal, event: SealedText.eraseTexts(event, texts) }])
  )
}

/** What a decision about an erasure depends on besides the command. */
export interface ErasureContext {
  readonly author: Author
  readonly now: Instant
  /** The event that is named; undefined if the log has none there. */
  readonly past: PastEvent | undefined
  readonly canRead: boolean
  /** Who wrote the words of an event, and the owner of an agent that did, if that is not the principal that caused it. */
  readonly authors: ReadonlyArray<Author | undefined> | undefined
}

/** TOP10: the erasure, or why it is refused. */
export const decideErasure = (
  input: Erase | EraseDerived,
  { author, canRead, now, past, authors }: ErasureContext
): Result.Result<Erased, Rejection> => {
  if (!canRead) return Result.fail(notFound)
  if (past === undefined) return Result.fail(noSuchEvent)
  const mayErase = (authors ?? [authorOf(past.principal), ownerOf(past.principal)]).includes(author)
  if (isUser(author) && (!mayErase || input._tag === "EraseDerived")) return Result.fail(notTheAuthor)
  const texts = SealedText.textsIn(past.event)
  const { paths = texts.map(({ path }) => path) } = input
  const wanted = texts.filter(({ path }) => paths.includes(path))
  if (wanted.length === 0 || wanted.length < new Set(paths).size) return Result.fail(noSuchText)
  const present = wanted.filter(({ text }) => text.text !== null)
  if (present.length === 0) return Result.fail(erasedBefore)
  return Result.succeed({
    _tag: "Erased",
    seq: input.seq,
    paths: present.map(({ path }) => path),
    texts: [...new Set(present.map(({ text }) => text.c))],
    by: author,
    reason: input._tag === "erase" ? input.reason ?? null : null,
    because: input._tag === "EraseDerived" ? input.because : null,
    at: now
  })
}

const noSuchEvent = makeRejection("not_found", "TOP10", "this topic has no event with this seq")
const noSuchText = makeRejection("not_found", "TOP10", "this event has no text there: name the paths of its texts")
const notTheAuthor = makeRejection("forbidden", "TOP10", "only its author and the server's operator can erase a text")
const erasedBefore = makeRejection("rule_violated", "TOP10", "this text was erased before")

/** The rejection of a command that needs a text which was erased. */
export const textErased = makeRejection("rule_violated", "TOP10", "this text was erased: nothing can be done with it")
