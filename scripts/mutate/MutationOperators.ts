/**
 * What a mutant may change: each operator turns a node of the syntax tree into replacements of a part of the source.
 *
 * Each replacement changes what the code does, not what it is called: comparisons, conditions, guards, outcomes,
 * arithmetic, bounds, dropped statements, fields and elements. Text of messages, tags and settings stays.
 */
import { nodeAt, nodesAt, type SyntaxNode } from "./SyntaxTree.ts"

/** Replaces the source from `start` to `end`. */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** A node with what an operator may know of its surroundings. */
export interface Site {
  readonly node: SyntaxNode
  readonly parent: SyntaxNode
  readonly source: string
  /** False for code that runs once, when the module is loaded: there numbers are settings. */
  readonly isInFunction: boolean
}

const textOf = ({ source }: Site, { end, start }: SyntaxNode) => source.slice(start, end)

const replace = ({ end, start }: SyntaxNode, text: string): Replacement => ({ start, end, text })

const swaps: Readonly<Record<string, string>> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "&&": "||",
  "||": "&&",
  "+=": "-=",
  "-=": "+="
}

/** Strings are joined by `+` too; subtracting them is no mutant that a person would write. */
const isText = (node: SyntaxNode): boolean =>
  (node.type === "Literal" && typeof node["value"] === "string") || node.type === "TemplateLiteral" ||
  (node.type === "BinaryExpression" && (isText(nodeAt(node, "left")) || isText(nodeAt(node, "right"))))

/** `a < b` for `a <= b`, `a - b` for `a + b`. */
const swapOperator = (site: Site): ReadonlyArray<Replacement> => {
  const { node, parent } = site
  const operator = node["operator"] as string
  const swapped = swaps[operator]
  if (swapped === undefined || ((operator === "+" || operator === "+=") && isText(node))) return []
  // The same mutant as the conditional's swapped outcomes.
  if (operator.endsWith("==") && parent.type === "ConditionalExpression" && parent["test"] === node) return []
  const [left, right] = [nodeAt(node, "left"), nodeAt(node, "right")]
  return [replace(node, `${textOf(site, left)} ${swapped} ${textOf(site, right)}`)]
}

/** A condition without one of its parts, and a value without its default. */
const dropOperand = (site: Site): ReadonlyArray<Replacement> => {
  const { node } = site
  const [left, right] = [nodeAt(node, "left"), nodeAt(node, "right")]
  return node["operator"] === "??"
    ? [replace(node, textOf(site, left))]
    : [replace(node, textOf(site, left)), replace(node, textOf(site, right))]
}

const exits = new Set(["ReturnStatement", "ThrowStatement", "ContinueStatement", "BreakStatement"])

const isExit = (statement: SyntaxNode): boolean =>
  exits.has(statement.type) ||
  (statement.type === "BlockStatement" && exits.has(nodesAt(statement, "body").at(-1)?.type ?? ""))

/** A guard that is not there, and a condition turned around. */
const changeIf = (site: Site): ReadonlyArray<Replacement> => {
  const { node } = site
  const test = nodeAt(node, "test")
  const isTurnedElsewhere = test.type === "UnaryExpression" ||
    (test.type === "BinaryExpression" && /^[!=]==$/.test(test["operator"] as string))
  const isGuard = node["alternate"] === null && isExit(nodeAt(node, "consequent"))
  return [
    ...isTurnedElsewhere ? [] : [replace(test, `!(${textOf(site, test)})`)],
    ...isGuard ? [replace(node, "{}")] : []
  ]
}

const swapOutcomes = (site: Site): ReadonlyArray<Replacement> => {
  const [test, first, second] = ["test", "consequent", "alternate"].map((field) => nodeAt(site.node, field))
  return [replace(site.node, `${textOf(site, test!)} ? ${textOf(site, second!)} : ${textOf(site, first!)}`)]
}

const changeLiteral = ({ isInFunction, node }: Site): ReadonlyArray<Replacement> => {
  const value = node["value"]
  if (typeof value === "boolean") return [replace(node, `${!value}`)]
  return isInFunction && typeof value === "number" ? [replace(node, `${value + 1}`)] : []
}

const listWithout = (site: Site, list: ReadonlyArray<SyntaxNode>, left: SyntaxNode) =>
  list.filter((element) => element !== left).map((element) => textOf(site, element)).join(", ")

/** A state that keeps the old value of a field: only next to a spread is a field not required. */
const dropField = (site: Site): ReadonlyArray<Replacement> => {
  const fields = nodesAt(site.node, "properties")
  if (!fields.some(({ type }) => type === "SpreadElement")) return []
  return fields.map((field) => replace(site.node, `{ ${listWithout(site, fields, field)} }`))
}

/** An element less; a list of two without a spread is a pair. */
const dropElement = (site: Site): ReadonlyArray<Replacement> => {
  const elements = nodesAt(site.node, "elements")
  if (!site.isInFunction || (elements.length === 2 && !elements.some(({ type }) => type === "SpreadElement"))) return []
  return elements.map((element) => replace(site.node, `[${listWithout(site, elements, element)}]`))
}

/** Calls whose result is a value of the same kind as what they are called on. */
const droppable = new Set(["filter", "slice", "sort", "toSorted", "reverse", "toReversed", "trim", "toLowerCase"])

const renamed: Readonly<Record<string, string>> = {
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  floor: "ceil",
  ceil: "floor",
  startsWith: "endsWith",
  endsWith: "startsWith"
}

const changeCall = (site: Site): ReadonlyArray<Replacement> => {
  const { node } = site
  const callee = nodeAt(node, "callee")
  if (callee.type !== "MemberExpression" || callee["computed"] === true) return []
  const [object, property] = [nodeAt(callee, "object"), nodeAt(callee, "property")]
  // A part of an optional chain cannot be replaced alone.
  if (textOf(site, object).includes("?.")) return []
  const name = property["name"] as string
  if (droppable.has(name) && !/^[A-Z]/.test(textOf(site, object))) return [replace(node, textOf(site, object))]
  const other = Object.hasOwn(renamed, name) ? renamed[name] : undefined
  if (other === undefined) return []
  return [
    replace(node, site.source.slice(node.start, property.start) + other + site.source.slice(property.end, node.end))
  ]
}

/** What a log or a span tells is no behaviour that a test holds. */
const isTelemetry = (text: string) => /^(?:yield\* )?Effect\.(?:log|annotate)/.test(text)

const dropStatement = (site: Site): ReadonlyArray<Replacement> => {
  const { node } = site
  const expression = nodeAt(node, "expression")
  return expression.type === "Literal" || isTelemetry(textOf(site, expression)) ? [] : [replace(node, "{}")]
}

const dropNegation = (site: Site): ReadonlyArray<Replacement> =>
  site.node["operator"] === "!" ? [replace(site.node, textOf(site, nodeAt(site.node, "argument")))] : []

/** The operators of each type of node. */
const operators: Readonly<Record<string, ReadonlyArray<(site: Site) => ReadonlyArray<Replacement>>>> = {
  BinaryExpression: [swapOperator],
  AssignmentExpression: [swapOperator],
  LogicalExpression: [swapOperator, dropOperand],
  UnaryExpression: [dropNegation],
  IfStatement: [changeIf],
  ConditionalExpression: [swapOutcomes],
  Literal: [changeLiteral],
  ObjectExpression: [dropField],
  ArrayExpression: [dropElement],
  CallExpression: [changeCall],
  ExpressionStatement: [dropStatement]
}

/** All replacements of one node. */
export const replacementsOf = (site: Site): ReadonlyArray<Replacement> =>
  (operators[site.node.type] ?? []).flatMap((operator) => operator(site))
