/** Which messages permessage-deflate (RFC 7692) compresses, and the limits of inflation (CON9, SEC15), in bytes. */

/**
 * SEC15: the parameters a server agrees to, none of them unless compression is switched on (CON9). Without context
 * takeover no state is kept between messages: a secret in one message cannot be guessed from the size of another, and
 * an idle connection needs no zlib memory.
 */
export const deflateOffer = (
  isEnabled: boolean
): false | { readonly serverNoContextTakeover: true; readonly clientNoContextTakeover: true } =>
  isEnabled && { serverNoContextTakeover: true, clientNoContextTakeover: true }

/** Smaller texts gain nothing. */
export const minDeflateBytes = 1_024

/** Larger texts are sent uncompressed: level 1 takes 7 ms for 1 MiB, during which the process does nothing else. */
export const maxDeflateBytes = 262_144

/** CON9: whether a text of this size is compressed. */
export const shouldDeflate = (textBytes: number): boolean =>
  textBytes >= minDeflateBytes && textBytes <= maxDeflateBytes

/** CON9: whether the compressed frame is sent. Incompressible text grows, and is sent uncompressed. */
export const isWorthwhile = (deflatedBytes: number, encodedBytes: number): boolean => deflatedBytes < encodedBytes

/** Bytes that one received byte may inflate to. */
export const maxInflateRatio = 10

/** Up to this size the ratio is not checked: a short message of one repeated character is no attack. */
export const minRatioCheckBytes = 4_096

/**
 * SEC15, CON9: bytes that the next fragment of a message may inflate to, given what was received and inflated of the
 * message so far. At least 1, since 0 means "unlimited" to the inflater.
 */
export const remainingInflateBytes = (maxPayloadBytes: number, receivedBytes: number, inflatedBytes: number): number =>
  Math.max(
    1,
    Math.min(maxPayloadBytes, Math.max(minRatioCheckBytes, receivedBytes * maxInflateRatio)) - inflatedBytes
  )
