/**
 * A walk over MessagePack bytes that allocates nothing: it proves that they are one whole value
 * within the limits before a decoder, which reserves what a header promises, may see them.
 * Source of the layout: the MessagePack specification, version 5.
 */
import type { Limits } from "../Codec.ts"

interface Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly limits: Limits
  position: number
}

/** Throws where `bytes` are not exactly one value within `limits`; says at which byte and why. */
export const assertShape = (bytes: Uint8Array, limits: Limits): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const cursor: Cursor = { bytes, view, limits, position: 0 }
  skipValue(cursor, 0)
  const extra = bytes.byteLength - cursor.position
  if (extra > 0) refuse(cursor, `${extra} bytes after the value`)
}

const skipValue = (cursor: Cursor, depth: number): void => {
  const head = take(cursor, 1)
  if (head < 0x80 || head >= 0xe0) return
  if (head < 0x90) return skipMap(cursor, head - 0x80, depth)
  if (head < 0xa0) return skipArray(cursor, head - 0x90, depth)
  if (head < 0xc0) return skipText(cursor, head - 0xa0)
  return skipHeaded(cursor, head, depth)
}

const skipHeaded = (cursor: Cursor, head: number, depth: number): void => {
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return skipItem(cursor, take(cursor, 1 << (head - 0xc4)))
    case 0xca:
      return skip(cursor, 4)
    case 0xcb:
      return skip(cursor, 8)
    case 0xcc:
    case 0xcd:
    case 0xce:
      return skip(cursor, 1 << (head - 0xcc))
    case 0xd0:
    case 0xd1:
    case 0xd2:
      return skip(cursor, 1 << (head - 0xd0))
    case 0xcf:
    case 0xd3:
      return skipInteger64(cursor, head === 0xd3)
    case 0xd9:
    case 0xda:
    case 0xdb:
      return skipText(cursor, take(cursor, 1 << (head - 0xd9)))
    case 0xdc:
    case 0xdd:
      return skipArray(cursor, take(cursor, 2 << (head - 0xdc)), depth)
    case 0xde:
    case 0xdf:
      return skipMap(cursor, take(cursor, 2 << (head - 0xde)), depth)
    default:
      return refuse(cursor, `the type 0x${head.toString(16)} is not accepted`)
  }
}

const skipArray = (cursor: Cursor, count: number, depth: number): void => {
  enter(cursor, { count, bytesMin: count, depth })
  for (let index = 0; index < count; index++) skipValue(cursor, depth + 1)
}

const skipMap = (cursor: Cursor, count: number, depth: number): void => {
  enter(cursor, { count, bytesMin: count * 2, depth })
  for (let index = 0; index < count; index++) {
    const head = cursor.bytes[cursor.position] ?? 0
    const text = (head >= 0xa0 && head < 0xc0) || (head >= 0xd9 && head <= 0xdb)
    if (!text) refuse(cursor, "a key of a map is not text")
    skipValue(cursor, depth + 1)
    skipValue(cursor, depth + 1)
  }
}

const enter = (
  cursor: Cursor,
  of: { readonly count: number; readonly bytesMin: number; readonly depth: number }
): void => {
  const { depthMax, elementsMax } = cursor.limits
  if (of.depth >= depthMax) refuse(cursor, `nested deeper than ${depthMax} (depthMax)`)
  if (of.count > elementsMax) {
    refuse(cursor, `${of.count} elements, the limit is ${elementsMax} (elementsMax)`)
  }
  if (of.bytesMin > left(cursor)) refuse(cursor, "truncated")
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const skipText = (cursor: Cursor, length: number): void => {
  const start = cursor.position
  skipItem(cursor, length)
  for (let index = start; index < cursor.position; index++) {
    if ((cursor.bytes[index] as number) < 0x80) continue
    decoder.decode(cursor.bytes.subarray(index, cursor.position))
    return
  }
}

const skipItem = (cursor: Cursor, length: number): void => {
  const { itemBytesMax } = cursor.limits
  if (length > itemBytesMax) {
    refuse(cursor, `an item of ${length} bytes, the limit is ${itemBytesMax} (itemBytesMax)`)
  }
  skip(cursor, length)
}

/** What does not fit a double exactly is refused rather than rounded. */
const skipInteger64 = (cursor: Cursor, signed: boolean): void => {
  const start = cursor.position
  skip(cursor, 8)
  const high = signed ? cursor.view.getInt32(start) : cursor.view.getUint32(start)
  if (high > 0x1f_ffff || high < -0x20_0000) {
    refuse(cursor, "an integer beyond 53 bits, which a number cannot hold exactly")
  }
}

const skip = (cursor: Cursor, length: number): void => {
  if (length > left(cursor)) refuse(cursor, "truncated")
  cursor.position += length
}

/** Reads an unsigned integer of 1, 2 or 4 bytes. */
const take = (cursor: Cursor, size: number): number => {
  const start = cursor.position
  skip(cursor, size)
  if (size === 1) return cursor.view.getUint8(start)
  return size === 2 ? cursor.view.getUint16(start) : cursor.view.getUint32(start)
}

const left = (cursor: Cursor): number => cursor.bytes.byteLength - cursor.position

const refuse = (cursor: Cursor, reason: string): never => {
  throw new RangeError(`${reason}, at byte ${cursor.position}`)
}
