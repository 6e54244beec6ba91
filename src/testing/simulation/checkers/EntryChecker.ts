/**
 * Checks every entry when it becomes durable: its texts fit their seals and stand nowhere but beside it (TOP10), its
 * principal is who sent the command (AUT8), and a signature covers the command with the seals of its texts (AUT5).
 */
import { isDeepStrictEqual } from "node:util"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import { authorOf, principalOf } from "../../../domain/protocol/Principal.ts"
import { opens } from "../../../domain/protocol/Seal.ts"
import { signingInput } from "../../../domain/protocol/SignedCommand.ts"
import type { DecodedEntry } from "../../../domain/topic/DurableState.ts"
import { openingsOf, SealedText, textsIn } from "../../../domain/topic/SealedText.ts"
import { sha256 } from "../../../layers/eventlog/ChainVerification.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import { findMarks } from "../oracle/TextMarks.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"
import * as TestKeys from "../runtime/TestKeys.ts"

/** Checks the entries of one run. */
export class EntryChecker {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel

  constructor(runtime: SimulationRuntime, oracle: DurableModel) {
    this.runtime = runtime
    this.oracle = oracle
  }

  /** Checks an append that became durable; the oracle has applied it. */
  checkCommit(topic: TopicId, entries: ReadonlyArray<DecodedEntry>): void {
    for (const [i, entry] of entries.entries()) {
      const where = `${topic} at ${entry.seq}`
      this.checkTexts(topic, where, entry)
      this.checkPrincipal(where, entry)
      const isFirst = entries[i - 1]?.cause !== entry.cause
      this.checkSignature(where, isFirst ? entries.filter(({ cause }) => cause === entry.cause) : [entry], isFirst)
    }
  }

  private checkTexts(topic: TopicId, where: string, { decoded, open, ...fields }: DecodedEntry): void {
    for (const { text } of textsIn(decoded)) {
      const fits = text.text === null
        ? this.oracle.historyOf(topic)?.erased.has(text.c) === true
        : opens(sha256, [SealedText.saltOf(text), text.text], text)
      if (!fits) {
        this.runtime.reportViolation("TOP10", `${where}: the text of ${text.c} does not fit its seal`)
      }
    }
    // Openings are tables: their prototypes are not compared.
    if (!isDeepStrictEqual({ ...open }, { ...openingsOf(decoded) })) {
      this.runtime.reportViolation("TOP10", `${where}: its openings are not those of its texts`)
    }
    if (findMarks(JSON.stringify(fields)).size > 0) {
      this.runtime.reportViolation("TOP10", `${where}: the entry itself holds text`)
    }
  }

  private checkPrincipal(where: string, { cause, principal }: DecodedEntry): void {
    const sent = this.oracle.sentCommands.get(cause)
    const isSender = sent === undefined ? "server" in principal : isDeepStrictEqual(principal, principalOf(sent.author))
    if (!isSender) {
      this.runtime.reportViolation("AUT8", `${where}: ${JSON.stringify(principal)} has not sent ${cause}`)
    }
  }

  /** The entries of one command, of which the first has the signature, or one of its further entries. */
  private checkSignature(where: string, entries: ReadonlyArray<DecodedEntry>, isFirst: boolean): void {
    const [entry] = entries
    if (entry === undefined) return
    const { cause, principal, signature } = entry
    const isSigned = isFirst && this.oracle.sentCommands.get(cause)?.signed === true
    if ((signature !== undefined) !== isSigned) {
      return this.runtime.reportViolation("AUT5", `${where}: ${cause} has ${isSigned ? "no" : "a"} signature`)
    }
    if (signature === undefined) return
    if (!TestKeys.verify(signingInput(cause, signature), authorOf(principal), signature.signature)) {
      this.runtime.reportViolation("AUT5", `${where}: the signature of ${cause} is not valid`)
    }
    const signed = JSON.stringify(signature.command)
    if (!entries.every(({ decoded }) => textsIn(decoded).every(({ text }) => signed.includes(text.c)))) {
      this.runtime.reportViolation("AUT5", `${where}: ${cause} wrote a text that its author has not signed`)
    }
  }
}
