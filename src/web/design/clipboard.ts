/** Copying to the clipboard. */

/** Copies a text; false where the browser does not allow it. */
export const copyText = (text: string): Promise<boolean> => {
  // Only secure contexts have a clipboard, whatever its type says.
  const { clipboard } = navigator as { readonly clipboard?: Clipboard }
  return clipboard === undefined ? Promise.resolve(false) : clipboard.writeText(text).then(() => true, () => false)
}
