/** A block of code: its language, a button that copies it, and lines that scroll within the block. */
import { type ReactNode, useEffect, useRef, useState } from "react"
import { Button } from "../design/Button.tsx"
import { copyText } from "../design/clipboard.ts"
import { whenIdle } from "../design/whenIdle.ts"
import { useMessages } from "../language/Language.ts"
import style from "./CodeBlock.module.css"
import { highlightedPart, languageOf } from "./highlight.ts"
import type { Code } from "./MarkdownTree.ts"
import { textMessages } from "./TextMessages.ts"

/** For how long the button says that the code was copied, in milliseconds. */
const copiedTime = 2_000

/** In UTF-16 units; longer code has no colours. */
const maxColouredLength = 20_000

/** False until the browser had nothing else to do, such as opening a thread. */
const useIdle = (): boolean => {
  const [isIdle, setIsIdle] = useState(false)
  useEffect(() => whenIdle(() => setIsIdle(true)), [])
  return isIdle
}

/** Without the highlighter code stays as it was written. */
const stayPlain = (): void => {}

/** Code as it was written, coloured once there is time and its language is loaded. */
export const CodeBlock = ({ code: { info, isClosed, text } }: { readonly code: Code }): ReactNode => {
  const messages = useMessages(textMessages)
  const isIdle = useIdle()
  const ref = useRef<HTMLPreElement>(null)
  // An open fence is code that is still being written: colouring it anew with each word would cost more than it shows.
  const language = isClosed && text.length <= maxColouredLength ? languageOf(info) : undefined
  return (
    <div className={style.block}>
      <div className={style.head}>
        <span dir="auto">{info}</span>
        <CopyButton text={text} onRefused={() => ref.current && getSelection()?.selectAllChildren(ref.current)} />
      </div>
      <pre
        ref={ref}
        className={style.lines}
        dir={info === "" ? "auto" : "ltr"}
        tabIndex={0}
        role="region"
        aria-label={messages.code(info)}
      >
        <code>
          {language === undefined || !isIdle
            ? text
            : <highlightedPart.Part text={text} language={language} placeholder={text} onMissing={stayPlain} />}
        </code>
      </pre>
    </div>
  )
}

/** `onRefused`: the browser gives no access to its clipboard, as on a page without https. */
const CopyButton = ({ onRefused, text }: { readonly text: string; readonly onRefused: () => void }): ReactNode => {
  const { copied, copy } = useMessages(textMessages)
  const [isCopied, setIsCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setIsCopied(false), copiedTime)
    return () => clearTimeout(timer)
  }, [isCopied])
  const write = () => void copyText(text).then((isCopied) => isCopied ? setIsCopied(true) : onRefused())
  return (
    <Button variant="quiet" icon={isCopied ? "check" : "copy"} onClick={write}>
      <span aria-live="polite">{isCopied ? copied : copy}</span>
    </Button>
  )
}
