/** Frames as text: how protocols read words out of bytes, and how they name bytes in messages. */

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** True where both hold the same bytes. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The text that a frame holds; `undefined` where it is no UTF-8. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** A frame as messages show it: as text where it is printable, and never more than its head. */
export const show = (bytes: Uint8Array): string => {
  const head = bytes.subarray(0, 16)
  const printable = head.every((byte) => byte >= 0x20 && byte < 0x7f)
  const shown = printable
    ? JSON.stringify(String.fromCharCode(...head))
    : `0x${Array.from(head, (byte) => byte.toString(16).padStart(2, "0")).join("")}`
  return bytes.length > head.length ? `${shown}... (${bytes.length} bytes)` : shown
}
