/** Copies text to the clipboard, and says what came of it. */
import { useCallback } from "react"
import { copyText } from "./clipboard.ts"
import { useToast } from "./Toast.tsx"

/** A function that copies a text and shows `done`, or `failed` where the browser does not allow it. */
export const useCopy = (): (text: string, done: string, failed: string) => void => {
  const toast = useToast()
  return useCallback(
    (text, done, failed) => void copyText(text).then((isCopied) => toast(isCopied ? done : failed)),
    [toast]
  )
}
