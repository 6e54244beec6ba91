/** Copies text to the clipboard, and says what came of it. */
import { useCallback } from "react"
import { useToast } from "./Toast.tsx"

/** A function that copies a text and shows `done`, or `failed` where the browser does not allow it. */
export const useCopy = (): (text: string, done: string, failed: string) => void => {
  const toast = useToast()
  return useCallback((text, done, failed) => {
    // Only secure contexts have a clipboard, whatever its type says.
    const { clipboard } = navigator as { readonly clipboard?: Clipboard }
    if (clipboard === undefined) return toast(failed)
    void clipboard.writeText(text).then(() => toast(done), () => toast(failed))
  }, [toast])
}
