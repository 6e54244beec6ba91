/** Texts as a server seals them, under one salt: for states and events that a test writes by hand. */
import { Result, Schema } from "effect"
import { RunStepAnswer, type SealedOutput, type StepOutput } from "../../src/domain/chorus/ChorusModel.ts"
import { codecsFor } from "../../src/domain/topic/KindCodecs.ts"
import { commitTexts, type SealedText, write } from "../../src/domain/topic/SealedText.ts"
import type { Intent, Kind } from "../../src/domain/topic/Topic.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"

/** A command's salt. */
export const testSalt = "s".repeat(22)

/** A text that is committed to. Equal texts have equal commitments. */
export const sealed = (text: string): SealedText => commitTexts(write(text), () => testSalt, sha256)

/** A command or answer as its kind decides it, from one as it is sent. */
export const inputOf = <S, C, A, E, I extends Intent, W>(kind: Kind<S, C, A, E, I, W>, input: W | A): C | A =>
  commitTexts(Result.getOrThrow(codecsFor(kind).decodeInput(input)) as C | A, () => testSalt, sha256)

const decodeOutput = Schema.decodeSync(RunStepAnswer.cases.StepAnswered.fields.output)

/** The output of a step as the log holds it. */
export const sealedOutput = (output: StepOutput): SealedOutput =>
  commitTexts(decodeOutput(output), () => testSalt, sha256)
