/** A button that copies a text. */
import { type ReactNode, useState } from "react"
import { Button } from "../design/Button.tsx"
import { copyText } from "../design/clipboard.ts"
import { useToast } from "../design/Toast.tsx"
import { useMessages } from "../language/Language.ts"
import { identityMessages } from "./IdentityMessages.ts"
import { KeyText } from "./KeyText.tsx"

/** The button; `label` is its name. Where the browser does not allow copying, it shows the text, to be copied by hand. */
export const CopyButton = ({ label, text }: { readonly text: string; readonly label: string }): ReactNode => {
  const messages = useMessages(identityMessages)
  const toast = useToast()
  const [failed, setFailed] = useState(false)
  const copy = () => void copyText(text).then((isCopied) => isCopied ? toast(messages.copied) : setFailed(true))
  return (
    <>
      <Button icon="copy" aria-label={label} onClick={copy}>{messages.copy}</Button>
      {failed && <KeyText text={text} />}
    </>
  )
}
