/**
 * What enters and leaves a topic, checked by the schemas of its kind: answers before they are decided, events before they
 * are stored and when they are read, states as snapshots (SEC32, TOP8). The codecs are compiled once per kind.
 */
import { Cause, type Exit, Option, Result, Schema, SchemaIssue } from "effect"
import type { Openings } from "../protocol/Seal.ts"
import { isSealedText, openTexts } from "./SealedText.ts"
import { type AnyKind, upcast } from "./Topic.ts"

/** A value that its kind's schema refuses. Holds no part of the value: it may be a user's text (SEC33). */
export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>()("SchemaMismatch", {
  kind: Schema.String,
  value: Schema.Literals(["answer", "command", "event", "state"]),
  /** The names of the fields that lead to the first fault; empty when the value as a whole is wrong. */
  path: Schema.String
}) {
  override get message() {
    const place = this.path === "" ? "" : ` at ${this.path}`
    return `this ${this.value} does not fit the schema of the kind ${this.kind}${place}: correct what makes it`
  }
}

/** One kind's codecs. */
export interface KindCodecs {
  /** A state as JSON, for snapshots. */
  readonly encodeState: (state: unknown) => Result.Result<Schema.Json, SchemaMismatch>
  readonly decodeState: (json: unknown) => Result.Result<unknown, SchemaMismatch>
  /** The answers of intent handlers, and the inputs of other topics (`SendCommand`, `Forward`). */
  readonly decodeAnswer: (json: unknown) => Result.Result<unknown, SchemaMismatch>
  /** The inputs of the server's own code: answers, and commands. */
  readonly decodeInput: (json: unknown) => Result.Result<unknown, SchemaMismatch>
  /**
   * An event as its kind sees it, from what a log holds: of the present version, with the texts that `open` has (TOP9, TOP10),
   * which stand beside the entries that `seqOf` names. Fails with what is wrong with it.
   */
  readonly readEvent: (
    version: number,
    event: unknown,
    open: Openings,
    seqOf?: (c: string) => number | undefined
  ) => Result.Result<unknown, string>
  /** Why an event may not be stored: it does not fit its schema, or JSON would change it. Undefined if it may. */
  readonly findEventFault: (event: unknown) => SchemaMismatch | undefined
}

const codecsByKind = new WeakMap<AnyKind, KindCodecs>()

/** Compiled at the first call for a kind. */
export const codecsFor = (kind: AnyKind): KindCodecs => {
  let codecs = codecsByKind.get(kind)
  if (codecs === undefined) codecsByKind.set(kind, codecs = makeCodecs(kind))
  return codecs
}

/** Whether JSON holds the value, as `Schema.is(Schema.Json)` at a third of its cost, but for texts that are committed to. */
const isStorable = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value)
    case "object": {
      if (value === null) return true
      if (Array.isArray(value)) {
        for (const item of value) if (!isStorable(item)) return false
        return true
      }
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== Object.prototype && prototype !== null) return isSealedText(value) && value.c !== ""
      const fields = value as Readonly<Record<string, unknown>>
      for (const name in fields) if (!isStorable(fields[name])) return false
      return true
    }
    default:
      return false
  }
}

const makeCodecs = (kind: AnyKind): KindCodecs => {
  const State = Schema.toCodecJson(kind.State)
  const isEvent = Schema.is(kind.Event)
  const mismatch = (value: SchemaMismatch["value"], path: string) =>
    new SchemaMismatch({ kind: kind.name, value, path })
  const checked =
    <A>(value: SchemaMismatch["value"], run: (input: unknown) => Exit.Exit<A, Schema.SchemaError>) =>
    (input: unknown): Result.Result<A, SchemaMismatch> => {
      const exit = run(input)
      return exit._tag === "Success" ? Result.succeed(exit.value) : Result.fail(mismatch(value, faultPath(exit.cause)))
    }
  const encode = checked("event", Schema.encodeUnknownExit(kind.Event))
  const decodeEvent = checked("event", Schema.decodeUnknownExit(kind.Event))
  const decodeAnswer = checked("answer", Schema.decodeUnknownExit(kind.Answer))
  const decodeCommand = checked("command", Schema.decodeUnknownExit(kind.Command))
  const isCommand = (json: unknown): boolean =>
    typeof json === "object" && json !== null && "_tag" in json && kind.commands.has(String(json._tag))
  return {
    encodeState: checked("state", Schema.encodeUnknownExit(State)),
    decodeState: checked("state", Schema.decodeUnknownExit(State)),
    decodeAnswer,
    decodeInput: (json) => isCommand(json) ? decodeCommand(json) : decodeAnswer(json),
    readEvent: (version, event, open, seqOf) =>
      Result.flatMap(upcast(kind, version, event as Schema.Json), (current) =>
        Result.map(
          Result.mapError(decodeEvent(current), ({ message }) => message),
          (decoded) => openTexts(decoded, open, seqOf)
        )),
    findEventFault: (event) => {
      if (isEvent(event) && isStorable(event)) return undefined
      const encoded = encode(event)
      return Result.isFailure(encoded) ? encoded.failure : mismatch("event", "")
    }
  }
}

/** Without messages, which may quote the value. */
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: () => "" })

/** The longest path to a fault: of a union's members it belongs to the one that is meant. */
const faultPath = (cause: Cause.Cause<Schema.SchemaError>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  const paths = error === undefined ?
    [] :
    formatIssue(error.issue).issues.map(({ path = [] }) =>
      path.map((key) => String(typeof key === "object" ? key.key : key)).join(".")
    )
  return paths.reduce((longest, path) => path.length > longest.length ? path : longest, "")
}
