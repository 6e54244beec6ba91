/** Which chunks of an import a thread has, or had before they were erased. */
import { sha256 } from "../client/Sha256.ts"
import { commitment, deriveSalt, saltSource } from "../domain/protocol/Seal.ts"
import type { Message } from "../domain/thread/ThreadModel.ts"
import type { SealedText } from "../domain/topic/SealedText.ts"
import { chunkKey, importSalt, type MarkdownChunk } from "./MarkdownChunker.ts"

/**
 * Makes the test whether a chunk is among the messages of a thread. One that was erased is known by its seal, if it was
 * imported with this secret: the salt of each text follows from it (TOP10). So an import never publishes it again.
 */
export const findImported = (
  secret: string,
  messages: ReadonlyArray<Message>
): (chunk: MarkdownChunk) => boolean => {
  const keys = new Set<string>()
  const erased: Array<(chunk: MarkdownChunk) => boolean> = []
  for (const { content, id, source } of messages) {
    if (source === null) continue
    if (content.text !== null && source.text !== null) {
      keys.add(chunkKey({ content: content.text, source: source.text }))
    } else {
      // `import_messages` makes ids of its own and the place of each message.
      const [command = "", index = ""] = id.split(".")
      const salts = saltSource(importSalt(secret, command), command)
      const isText = (sealed: SealedText, field: string, text: string) =>
        sealed.text === null
          ? sealed.n === text.length &&
            sealed.c === commitment(sha256, deriveSalt(sha256, salts, `/messages/${index}/${field}`), text)
          : sealed.text === text
      erased.push((chunk) => isText(content, "content", chunk.content) && isText(source, "source", chunk.source))
    }
  }
  return (chunk) => keys.has(chunkKey(chunk)) || erased.some((isErased) => isErased(chunk))
}
