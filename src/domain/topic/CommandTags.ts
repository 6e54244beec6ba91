/** Reads from a kind's Command schema which message types it accepts. */
import { SchemaAST } from "effect"

/** The tags of a union of tagged structs. A case without a literal tag could not be routed, and is a defect. */
export const commandTags = (ast: SchemaAST.AST): ReadonlySet<string> => {
  if (SchemaAST.isNever(ast)) return new Set()
  if (SchemaAST.isUnion(ast)) return new Set(ast.types.flatMap((member) => [...commandTags(member)]))
  const tag = SchemaAST.isObjects(ast) ? ast.propertySignatures.find(({ name }) => name === "_tag")?.type : undefined
  if (tag === undefined || !SchemaAST.isLiteral(tag)) {
    throw new TypeError("each case of a Command schema needs a literal _tag")
  }
  return new Set([String(tag.literal)])
}
