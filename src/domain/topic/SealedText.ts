/**
 * Text that can be taken back (TOP10). A log holds a text's commitment and length; the text and its salt stand beside the
 * log and can be erased, while hashes and signatures over the commitment stay valid.
 *
 * A kind declares its texts by these schemas: `written` in commands and answers, `stored` in events and states. In memory
 * both are `SealedText`, so that a kind moves a text from a command to an event by moving the object.
 * As JSON, a sealed text is its seal: no encoding of a state or an event holds text.
 */
import { HashMap, Schema, SchemaTransformation } from "effect"
import { canonicalJson } from "../protocol/CanonicalJson.ts"
import type { HashFunction } from "../protocol/Hash.ts"
import { commitment, deriveSalt, noOpenings, type Opening, type Openings, Seal } from "../protocol/Seal.ts"

/** The key of what JSON leaves out of a text. */
const textKey = Symbol("text")

/** A text, as kinds see it. As JSON it is its seal. */
export class SealedText {
  /** The commitment; empty for a text that was written and is not committed to yet. */
  readonly c: string
  /** The length of the text in UTF-16 units. */
  readonly n: number
  /** A symbol, so that JSON has the seal alone without a `toJSON`, which would cost more than all other fields of an event. */
  readonly [textKey]: string | null
  /** Not for kinds: what a text is published and stored with. */
  readonly #salt: string
  /** Whether the commitment was computed from the text, so that it need not be verified. */
  readonly #isComputed: boolean
  /** The seq of the entry that the text stands beside; undefined if that is for the next append to decide. */
  readonly #seq: number | undefined

  constructor(c: string, n: number, text: string | null, salt: string, isComputed = false, seq?: number) {
    this.c = c
    this.n = n
    this[textKey] = text
    this.#salt = salt
    this.#isComputed = isComputed
    this.#seq = seq
  }

  /** Whether the commitment was computed here from salt and text: then it fits. */
  static isComputed(sealed: SealedText): boolean {
    return sealed.#isComputed
  }

  /** The salt of a text that can be opened. */
  static saltOf(sealed: SealedText): string {
    return sealed.#salt
  }

  /** The seq of the entry that a text stands beside, in a topic; undefined elsewhere. */
  static seqOf(sealed: SealedText): number | undefined {
    return sealed.#seq
  }

  /** The text as it stands beside the entry `seq`, if it stands beside no other. */
  static storedAt(sealed: SealedText, seq: number): SealedText {
    return sealed.text === null || sealed.#seq !== undefined
      ? sealed
      : new SealedText(sealed.c, sealed.n, sealed.text, sealed.#salt, sealed.#isComputed, seq)
  }

  /** Null once the text was erased. */
  get text(): string | null {
    return this[textKey]
  }

  /** What a log holds of the text. */
  get seal(): Seal {
    return { c: this.c, n: this.n }
  }
}

/** Whether a value is a text. */
export const isSealedText = (value: unknown): value is SealedText => value instanceof SealedText

/** A text that is written now. It is committed to with its command, by `commitTexts`. */
export const write = (text: string): SealedText => new SealedText("", text.length, text, "")

/** The empty text, for what nobody has written yet. Its salt is no secret. */
export const empty: SealedText = new SealedText("r3_0TyK5RO977x8Ona1EznVOE7tc1PcseNGy9XlQpKM", 0, "", "A".repeat(22))

/** A text whose seal is known, and that is erased or not opened yet. */
const closed = ({ c, n }: Seal): SealedText => new SealedText(c, n, null, "")

// -- Schemas -------------------------------------------------------------------

/** Texts that are encoded by another schema; properties draw them from it. */
const sealedFrom = <T, E>(
  encoded: Schema.Codec<T, E>,
  transformation: SchemaTransformation.Transformation<SealedText, T>
): Schema.Codec<SealedText, E> =>
  encoded.pipe(Schema.decodeTo(
    Schema.instanceOf(SealedText, { toCodecArbitrary: () => Schema.link<SealedText>()(encoded, transformation) }),
    transformation
  ))

/** A text of a command or an answer: a string on the wire, checked by `text`. */
export const written = (text: Schema.Codec<string, string>): Schema.Codec<SealedText, string> =>
  sealedFrom(text, SchemaTransformation.transform({ decode: write, encode: (sealed) => sealed.text ?? "" }))

/** A JSON value of a command, which is sealed as its canonical JSON. */
export const writtenJson: Schema.Codec<SealedText, Schema.Json> = sealedFrom(
  Schema.Json,
  SchemaTransformation.transform({
    decode: (value) => write(canonicalJson(value)),
    encode: (sealed) => sealed.text === null ? null : JSON.parse(sealed.text) as Schema.Json
  })
)

/** A text of an event or a state: its seal as JSON. */
export const stored: Schema.Codec<SealedText, Seal> = sealedFrom(
  Seal,
  SchemaTransformation.transform({ decode: closed, encode: (sealed) => sealed.seal })
)

/**
 * A text that may be missing. Null is tried first: after a member that fails by a transformation Effect's parser goes on in a
 * fiber, with all that contains the value, and the state of a thread takes twice the time.
 */
export const orNull = <T, E>(text: Schema.Codec<T, E>): Schema.Codec<T | null, E | null> =>
  Schema.Union([Schema.Null, text])

// -- Values that hold texts ----------------------------------------------------

/** A value with strings in place of its texts: an input as it is sent, or a state as it is shown. */
export type Plain<T> = T extends SealedText ? string
  : T extends string | number | boolean | null | undefined ? T
  : T extends ReadonlyArray<infer Item> ? ReadonlyArray<Plain<Item>>
  : T extends HashMap.HashMap<infer Key, infer Item> ? HashMap.HashMap<Key, Plain<Item>>
  : T extends object ? { readonly [K in keyof T]: Plain<T[K]> }
  : T

const escapeKey = (key: string): string =>
  key.includes("~") || key.includes("/") ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

type Change = (text: SealedText, path: string) => unknown

/**
 * The value with each text replaced; parts without a text remain the same objects. Paths are JSON Pointers, which are made if
 * `path` is given, the one of the value.
 */
const mapTexts = (value: unknown, change: Change, path?: string): unknown => {
  if (!isObject(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return mapFields(value, change, path)
  if (isSealedText(value)) return change(value, path ?? "")
  if (Array.isArray(value)) return mapItems(value, change, path)
  if (!HashMap.isHashMap(value)) return value
  return HashMap.reduce(value, value, (map, item, key) => {
    if (!isObject(item)) return map
    const changed = mapTexts(item, change, pathOf(path, String(key)))
    return changed === item ? map : HashMap.set(map, key, changed)
  })
}

const pathOf = (parent: string | undefined, key: string): string | undefined =>
  parent === undefined ? undefined : `${parent}/${escapeKey(key)}`

const mapFields = (value: object, change: Change, path: string | undefined): object => {
  const fields = value as Readonly<Record<string, unknown>>
  let copy: Record<string, unknown> | undefined
  for (const key in fields) {
    const field = fields[key]
    // Most fields are no objects: no path is made for them.
    if (!isObject(field)) continue
    const changed = mapTexts(field, change, pathOf(path, key))
    if (changed !== field) (copy ??= { ...fields })[key] = changed
  }
  return copy ?? value
}

const mapItems = (items: ReadonlyArray<unknown>, change: Change, path: string | undefined): ReadonlyArray<unknown> => {
  let copy: Array<unknown> | undefined
  for (const [i, item] of items.entries()) {
    if (!isObject(item)) continue
    const changed = mapTexts(item, change, pathOf(path, String(i)))
    if (changed !== item) (copy ??= [...items])[i] = changed
  }
  return copy ?? items
}

/** Calls `onText` with each text of a value. */
export const readTexts = (value: unknown, onText: (text: SealedText) => void): void =>
  void mapTexts(value, (text) => {
    onText(text)
    return text
  })

/** A text of a value, and its path there. */
export interface TextAtPath {
  readonly path: string
  readonly text: SealedText
}

/** The texts of a value with their paths. */
export const textsIn = (value: unknown): ReadonlyArray<TextAtPath> => {
  const texts: Array<TextAtPath> = []
  mapTexts(value, (text, path) => {
    texts.push({ path, text })
    return text
  }, "")
  return texts
}

/**
 * A command or an answer with each written text committed to, under a salt derived from the command's; `commandSalt` is
 * called once, if there is such a text.
 */
export const commitTexts = <T>(value: T, commandSalt: () => string, hash: HashFunction): T => {
  let drawn: string | undefined
  return mapTexts(value, (sealed, path) => {
    if (sealed.c !== "" || sealed.text === null) return sealed
    const salt = deriveSalt(hash, drawn ??= commandSalt(), path)
    return new SealedText(commitment(hash, salt, sealed.text), sealed.n, sealed.text, salt, true)
  }, "") as T
}

/**
 * A value with the texts that `openings` has; the others are erased. Whether they fit is for the reader to verify. `seqOf`: the
 * entries that they stand beside, by commitment.
 */
export const openTexts = <T>(value: T, openings: Openings, seqOf?: (c: string) => number | undefined): T =>
  mapTexts(value, (sealed) => {
    const opening = openings[sealed.c]
    return opening === undefined || sealed.text !== null
      ? sealed
      : new SealedText(sealed.c, sealed.n, opening[1], opening[0], false, seqOf?.(sealed.c))
  }) as T

/** A value with its texts that stand beside these entries, by their seq; the others are erased. */
export const openStored = <T>(value: T, openingsBySeq: ReadonlyMap<number, Openings>): T => {
  const open: Record<string, Opening> = Object.create(null)
  const seqOf = new Map<string, number>()
  for (const [seq, openings] of openingsBySeq) {
    for (const c in openings) {
      open[c] = openings[c]!
      seqOf.set(c, seq)
    }
  }
  return openTexts(value, open, (c) => seqOf.get(c))
}

/**
 * The events of a command, the first of them with the seq `first`, where each text stands beside the first event that has it,
 * unless it stands beside an earlier entry of the topic.
 */
export const storeTexts = <E>(events: ReadonlyArray<E>, first: number): ReadonlyArray<E> => {
  if (events.length === 1) return [mapTexts(events[0], (sealed) => SealedText.storedAt(sealed, first)) as E]
  const stored = new Map<string, SealedText>()
  return events.map((event, index) =>
    mapTexts(event, (sealed) => {
      const text = stored.get(sealed.c) ?? SealedText.storedAt(sealed, first + index)
      stored.set(sealed.c, text)
      return text
    }) as E
  )
}

/** The openings of the texts in a value that are not erased. */
export const openingsOf = (value: unknown): Openings => {
  const texts: Array<SealedText> = []
  readTexts(value, (text) => texts.push(text))
  return openingsFrom(texts)
}

/** The openings of those of these texts that are not erased. */
export const openingsFrom = (texts: Iterable<SealedText>): Openings => {
  let openings: Record<string, Opening> | undefined
  for (const sealed of texts) {
    // Without a prototype, an object is a table from the start: a shape for every commitment would cost as much memory again.
    if (sealed.text !== null) (openings ??= Object.create(null))[sealed.c] = [SealedText.saltOf(sealed), sealed.text]
  }
  return openings ?? noOpenings
}

/** A value without the texts of these commitments. */
export const eraseTexts = <T>(value: T, commitments: ReadonlySet<string>): T =>
  mapTexts(value, (sealed) => commitments.has(sealed.c) && sealed.text !== null ? closed(sealed) : sealed) as T

/** What is shown in place of an erased text. */
export const erasedMark = "[erased]"

const plainParts = new WeakMap<object, unknown>()

/** A value with its texts as strings, for what shows or reads them. Unchanged parts are converted once. */
export const plain = <T>(value: T): Plain<T> => toPlain(value) as Plain<T>

const toPlain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (isSealedText(value)) return value.text ?? erasedMark
  let converted = plainParts.get(value)
  if (converted === undefined) plainParts.set(value, converted = convertParts(value))
  return converted
}

const convertParts = (value: object): unknown => {
  if (Array.isArray(value)) return value.map(toPlain)
  if (HashMap.isHashMap(value)) return HashMap.map(value, toPlain)
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
    ? Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toPlain(field)]))
    : value
}
