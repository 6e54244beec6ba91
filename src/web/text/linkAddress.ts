/** Which addresses of a text may be opened (SEC31): those of another page or a mailbox, written in full. */
import { unescape } from "./MarkdownSyntax.ts"

/** The address of a link as it is written after its words; undefined if it may not be opened. */
export const linkAddress = (written: string): string | undefined => {
  const address = unescape(written.replaceAll(/^<|>$/g, ""))
  return /^(?:https?:\/\/|mailto:)/i.test(address) ? address : undefined
}

/** The address that bare text is; it may begin without its scheme. */
export const bareAddress = (text: string): string | undefined =>
  /^www\./i.test(text)
    ? `http://${text}`
    : text.includes("@") && !/[\s:/]/.test(text)
    ? `mailto:${text}`
    : linkAddress(text)
