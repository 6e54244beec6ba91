/**
 * All mutants of a source file, and the source that holds all of them behind switches.
 *
 * A mutant's id does not depend on its place in the file: the declaration, the text and what replaces it. Mutants are
 * drawn by the hash of seed and id, so that a change of one file leaves the drawn mutants of all others as they were.
 */
import { createHash } from "node:crypto"
import { type Replacement, replacementsOf } from "./MutationOperators.ts"
import { childrenOf, nodeAt, parse, type SyntaxNode } from "./SyntaxTree.ts"

/** One change of one file. */
export interface Mutant extends Replacement {
  readonly id: string
  /** The path from the repository's root. */
  readonly file: string
}

/** The name that a node gives to the code below it. */
const nameOf = (node: SyntaxNode, parent: SyntaxNode): string | undefined => {
  const isNamed = node.type === "VariableDeclarator" || node.type === "FunctionDeclaration" ||
    node.type === "ClassDeclaration"
  if (isNamed && parent.type !== "ForOfStatement") return nodeAt(node, "id")["name"] as string | undefined
  return node.type === "MethodDefinition" ? nodeAt(node, "key")["name"] as string : undefined
}

interface Visit {
  readonly node: SyntaxNode
  readonly parent: SyntaxNode
  readonly path: ReadonlyArray<string>
  readonly isInFunction: boolean
}

/** Every node with its surroundings, in the order of the source. */
const walk = (program: SyntaxNode): ReadonlyArray<Visit> => {
  const visits: Array<Visit> = []
  const visit = (node: SyntaxNode, outer: Visit): void => {
    const name = nameOf(node, outer.node)
    const inner = {
      node,
      parent: outer.node,
      path: name === undefined ? outer.path : [...outer.path, name],
      isInFunction: outer.isInFunction || /Function/.test(node.type)
    }
    visits.push(inner)
    for (const child of childrenOf(node)) visit(child, inner)
  }
  visit(program, { node: program, parent: program, path: [], isInFunction: false })
  return visits
}

const shorten = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ")
  return line.length <= 120 ? line : `${line.slice(0, 80)} … ${line.slice(-37)}`
}

/** The source with a replacement carried out. */
export const applyReplacement = (source: string, { end, start, text }: Replacement): string =>
  source.slice(0, start) + text + source.slice(end)

/** All mutants of a file; some have a syntax error. */
export const mutantsOf = (file: string, source: string): ReadonlyArray<Mutant> => {
  const program = parse(file, source)
  if (program === undefined) throw new Error(`${file} has a syntax error`)
  const counts = new Map<string, number>()
  return walk(program).flatMap(({ path, ...site }) =>
    replacementsOf({ ...site, source }).flatMap((replacement) => {
      const original = shorten(source.slice(replacement.start, replacement.end))
      const name = `${file} ${path.join(".")}: ${original} => ${shorten(replacement.text)}`
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return [{ ...replacement, file, id: count === 1 ? name : `${name} #${count}` }]
    })
  )
}

/** The `count` mutants whose hashes with the seed are the smallest, in that order; none has a syntax error. */
export const drawMutants = (
  sources: ReadonlyMap<string, string>,
  seed: number,
  count: number
): ReadonlyArray<Mutant> => {
  const hashed = [...sources].flatMap(([file, source]) => mutantsOf(file, source))
    .map((mutant) => ({ mutant, hash: createHash("sha256").update(`${seed} ${mutant.id}`).digest("hex") }))
    .sort((a, b) => a.hash < b.hash ? -1 : 1)
  const drawn: Array<Mutant> = []
  for (const { mutant } of hashed) {
    if (drawn.length === count) break
    if (parse(mutant.file, applyReplacement(sources.get(mutant.file)!, mutant)) !== undefined) drawn.push(mutant)
  }
  return drawn
}

/**
 * The source with all these mutants of it, each behind a switch: the n-th, counted from `first`, takes effect where the
 * global function `isMutantActive` returns true for its number. Dies when that has a syntax error.
 */
export const switchMutants = (
  file: string,
  source: string,
  mutants: ReadonlyArray<Mutant>,
  first: number
): string => {
  const ranges = Map.groupBy(
    mutants.map((mutant, index) => ({ mutant, number: first + index })),
    ({ mutant: { end, start, text } }) => `${start}-${end}-${text === "{}"}`
  )
  const program = parse(file, source)
  if (program === undefined) throw new Error(`${file} has a syntax error`)
  // Without semicolons a parenthesis at the start of a statement would call what stands before.
  const statementStarts = new Set(
    walk(program).flatMap(({ node, parent }) =>
      node.type === "ExpressionStatement" && /^(?:BlockStatement|SwitchCase|Program)$/.test(parent.type)
        ? [node.start]
        : []
    )
  )
  const outerFirst = [...ranges.values()].map((group) => {
    const [{ mutant: { end, start, text } }] = group as [typeof group[0]]
    return { group, end, start, text }
  })
    .sort((a, b) => a.start - b.start || b.end - a.end || Number(b.text === "{}") - Number(a.text === "{}"))
  /** The text of a range with the switches inside it. */
  const render = (start: number, end: number, inside: typeof outerFirst): string => {
    let text = ""
    let at = start
    for (const [index, range] of inside.entries()) {
      if (range.start < at) continue
      const within = inside.slice(index + 1).filter((other) => other.start >= range.start && other.end <= range.end)
      const original = render(range.start, range.end, within)
      const isStatement = range.text === "{}"
      const switched = range.group.reduceRight(
        (otherwise, { mutant, number }) => {
          const test = `globalThis.isMutantActive(${number})`
          return isStatement ? `if (${test}) {} else { ${otherwise} }` : `(${test} ? ${mutant.text} : ${otherwise})`
        },
        original
      )
      const separator = range.start !== start && statementStarts.has(range.start) ? ";" : ""
      text += source.slice(at, range.start) + separator + switched
      at = range.end
    }
    return text + source.slice(at, end)
  }
  const switched = render(0, source.length, outerFirst)
  if (parse(file, switched) === undefined) throw new Error(`${file} has a syntax error with switches`)
  return switched
}
