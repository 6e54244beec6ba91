/**
 * This project's own lint rules, as a plugin of oxlint.
 *
 * - `doc-comment`: every exported declaration has a doc comment. `export type X = typeof X.Type` is documented by `X`.
 * - `folder-order`: inside an ordered tree (`src/domain`, `src/layers`, the simulator) a folder imports only itself and
 *   folders before it in the lists below, so that folders form no cycle.
 */
import path from "node:path"

/** Folders of each ordered tree; a folder may import itself and folders before it. */
const orders = {
  "src/domain": [
    "protocol",
    "admission",
    "session",
    "presence",
    "delivery",
    "topic",
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

/** Which ordered tree a file belongs to, and the position of its folder there; undefined outside the trees. */
const place = (file) => {
  for (const [tree, order] of Object.entries(orders)) {
    if (!file.startsWith(`${tree}/`)) continue
    const folder = path.posix.dirname(file.slice(tree.length + 1))
    return { tree, folder, index: order.indexOf(folder === "." ? "" : folder) }
  }
  return undefined
}

const folderOrder = {
  create(context) {
    const file = path.relative(context.cwd, context.filename).replaceAll(path.sep, "/")
    const from = place(file)
    if (from === undefined) return {}
    const check = (node) => {
      if (from.index === -1) {
        return context.report({ node, message: `the folder ${from.folder} is missing in the order of ${from.tree}` })
      }
      const source = node.source?.value
      if (typeof source !== "string" || !source.startsWith(".")) return
      const to = place(path.posix.join(path.posix.dirname(file), source))
      if (to?.tree === from.tree && to.index > from.index) {
        context.report({ node, message: `${from.folder} is ordered before ${to.folder} and must not import it` })
      }
    }
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check }
  }
}

export default { meta: { name: "choir" }, rules: { "doc-comment": docComment, "folder-order": folderOrder } }
