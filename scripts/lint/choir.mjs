/**
 * This project's own lint rules, as a plugin of oxlint.
 *
 * - `doc-comment`: every exported declaration has a doc comment. `export type X = typeof X.Type` is documented by `X`.
 * - `folder-order`: inside an ordered tree (`src`, `src/domain`, `src/layers`, `src/web`, the simulator) a folder imports only
 *   itself and folders before it in the lists below, so that folders form no cycle. Of `src` the top folders count,
 *   and `""` is the tree's own files. What a folder must not use although it comes before is in `.oxlintrc.json`.
 */
import path from "node:path"

/** Folders of each ordered tree; a folder may import itself and folders before it. */
const orders = {
  "src": ["domain", "services", "layers", "client", "react", "conformance", "testing", "web", "", "cli"],
  "src/domain": [
    "protocol",
    "admission",
    "session",
    "delivery",
    "presence",
    "topic",
    "user",
    "approval",
    "chorus",
    "chorus/extractive",
    "ledger",
    "thread",
    "room",
    "search",
    "connection",
    ""
  ],
  "src/layers": [
    "runtime",
    "config",
    "observability",
    "net",
    "sql",
    "eventlog",
    "sessions",
    "delivery",
    "socket/core",
    "socket/ws",
    "socket/uws",
    "socket/socketio",
    "socket/memory",
    "socket",
    "presence",
    "topics",
    "vectorindex",
    "search",
    "chorus",
    "gateway",
    "http",
    "app",
    ""
  ],
  "src/web": [
    "storage",
    "language",
    "design",
    "people",
    "text",
    "topic",
    "composer",
    "erasing",
    "identity",
    "approval",
    "chorus",
    "thread",
    "threads",
    "app",
    "states",
    ""
  ],
  "src/testing/simulation": [
    "runtime",
    "oracle",
    "cluster",
    "planted-bugs",
    "nemesis",
    "workload",
    "checkers",
    ""
  ]
}

const isDocComment = (comment) => comment !== undefined && comment.type === "Block" && comment.value.startsWith("*")

const docComment = {
  create(context) {
    const documented = new Set()
    return {
      ExportNamedDeclaration(node) {
        const { declaration } = node
        if (declaration === null) return
        const names = declaration.type === "VariableDeclaration"
          ? declaration.declarations.map(({ id }) => id.name ?? "(pattern)")
          : [declaration.id.name]
        const hasComment = isDocComment(context.sourceCode.getCommentsBefore(node).at(-1))
        for (const name of names) {
          if (hasComment) documented.add(name)
          else if (!documented.has(name)) context.report({ node, message: `exported ${name} has no doc comment` })
        }
      }
    }
  }
}

/** The position of a file's folder in a tree; undefined for a file outside of it. */
const placeIn = (tree, file) => {
  if (!file.startsWith(`${tree}/`)) return undefined
  const folders = file.slice(tree.length + 1).split("/").slice(0, -1)
  const folder = tree === "src" ? folders[0] ?? "" : folders.join("/")
  return { folder, index: orders[tree].indexOf(folder) }
}

const folderOrder = {
  create(context) {
    const file = path.relative(context.cwd, context.filename).replaceAll(path.sep, "/")
    const places = Object.keys(orders).map((tree) => ({ tree, from: placeIn(tree, file) }))
      .filter(({ from }) => from !== undefined)
    const check = (node) => {
      for (const { from, tree } of places) {
        if (from.index === -1) {
          context.report({ node, message: `the folder ${from.folder} is missing in the order of ${tree}` })
        }
        const source = node.source?.value
        if (typeof source !== "string" || !source.startsWith(".")) continue
        const to = placeIn(tree, path.posix.join(path.posix.dirname(file), source))
        if (to !== undefined && to.index > from.index) {
          context.report({ node, message: `${from.folder} is ordered before ${to.folder} and must not import it` })
        }
      }
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check
    }
  }
}

export default { meta: { name: "choir" }, rules: { "doc-comment": docComment, "folder-order": folderOrder } }
