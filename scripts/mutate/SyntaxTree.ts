/** The syntax tree of a TypeScript module, as the mutation run reads it. Types are left out: no mutant changes one. */
import { parseSync } from "vite"

/** A node: `start` and `end` are offsets into the source, other fields depend on `type` (ESTree, and TypeScript's own). */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === "object" && value !== null && "type" in value && "start" in value

/** Nodes of TypeScript that wrap an expression; all others are types. */
const wrappers = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"])

/** The nodes below `node` in the order of the source, without types. */
export const childrenOf = (node: SyntaxNode): ReadonlyArray<SyntaxNode> =>
  Object.values(node).flatMap((value) => Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [])
    .filter(({ type }) => !type.startsWith("TS") || wrappers.has(type))
    .sort((a, b) => a.start - b.start)

/** Parses a module; undefined when it has a syntax error. */
export const parse = (file: string, source: string): SyntaxNode | undefined => {
  const { errors, program } = parseSync(file, source)
  return errors.length === 0 ? program as unknown as SyntaxNode : undefined
}

/** A field that is a node. */
export const nodeAt = (node: SyntaxNode, field: string): SyntaxNode => node[field] as SyntaxNode

/** A field that is a list of nodes; holes of array literals are left out. */
export const nodesAt = (node: SyntaxNode, field: string): ReadonlyArray<SyntaxNode> =>
  (node[field] as ReadonlyArray<SyntaxNode | null>).filter((child) => child !== null)
