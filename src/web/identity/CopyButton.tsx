/** A button that copies a text. */
import { type ReactNode, useState } from "react"
import { Button } from "../design/Button.tsx"
import { useToast } from "../design/Toast.tsx"
import { useMessages } from "../language/Language.ts"
import { identityMessages } from "./IdentityMessages.ts"
import style from "./KeyText.module.css"

/** The button; `label` is its name. Where the browser does not allow copying, it shows the text, to be copied by hand. */
export const CopyButton = ({ label, text }: { readonly text: string; readonly label: string }): ReactNode => {
  const messages = useMessages(identityMessages)
  const toast = useToast()
  const [failed, setFailed] = useState(false)
  const copy = () => {
    // Only secure contexts have a clipboard, whatever its type says.
    const { clipboard } = navigator as { readonly clipboard?: Clipboard }
    if (clipboard === undefined) return setFailed(true)
    void clipboard.writeText(text).then(() => toast(messages.copied), () => setFailed(true))
  }
  return (
    <>
      <Button icon="copy" aria-label={label} onClick={copy}>{messages.copy}</Button>
      {failed && <KeyText text={text} />}
    </>
  )
}

/** A key or a secret, which breaks anywhere. */
export const KeyText = ({ text }: { readonly text: string }): ReactNode => (
  <code className={style.key} dir="ltr">{text}</code>
)
