/**
 * What a codec takes and gives: plain data that comes back from its bytes just as it went in.
 * Whatever a format would change in silence (a date, a NaN in JSON, half a character) is refused.
 */
import type { Limits } from "../Codec.ts"

/** What a format can hold beyond null, booleans, finite numbers, text, arrays and objects. */
export interface Abilities {
  readonly binary: boolean
  readonly nonFinite: boolean
}

interface Walk {
  readonly limits: Limits
  readonly abilities: Abilities
  readonly path: Array<string | number>
  textLength: number
}

/** Throws where `value` is not plain data within `limits`; says where in the value and why. */
export const assertPlain = (value: unknown, limits: Limits, abilities: Abilities): void =>
  visit({ limits, abilities, path: [], textLength: 0 }, value, 0)

const visit = (walk: Walk, value: unknown, depth: number): void => {
  switch (typeof value) {
    case "boolean":
      return
    case "number":
      return walk.abilities.nonFinite || Number.isFinite(value)
        ? undefined
        : refuse(walk, depth, `${value} has no form in this format; use null for "no value"`)
    case "string":
      return visitText(walk, value, depth)
    case "object":
      return value === null ? undefined : visitObject(walk, value, depth)
    default:
      return refuse(walk, depth, `${typeof value} is not plain data`)
  }
}

const visitObject = (walk: Walk, value: object, depth: number): void => {
  if (value instanceof Uint8Array) return visitBinary(walk, value, depth)
  if (depth >= walk.limits.depthMax) {
    return refuse(walk, depth, `nested deeper than ${walk.limits.depthMax} (depthMax)`)
  }
  if (Array.isArray(value)) return visitArray(walk, value, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    return visitRecord(walk, value as Readonly<Record<string, unknown>>, depth)
  }
  refuse(walk, depth, "an instance of a class is not plain data; encode it by its schema")
}

const visitArray = (walk: Walk, value: ReadonlyArray<unknown>, depth: number): void => {
  assertElements(walk, value.length, depth)
  for (let index = 0; index < value.length; index++) {
    walk.path[depth] = index
    visit(walk, value[index], depth + 1)
  }
}

const visitRecord = (
  walk: Walk,
  value: Readonly<Record<string, unknown>>,
  depth: number
): void => {
  const keys = Object.keys(value)
  let count = 0
  for (const key of keys) {
    const item = value[key]
    if (item === undefined) continue
    count++
    walk.path[depth] = key
    if (key === "__proto__") refuse(walk, depth + 1, "the key __proto__ is not allowed")
    visitText(walk, key, depth + 1)
    visit(walk, item, depth + 1)
  }
  assertElements(walk, count, depth)
}

const visitBinary = (walk: Walk, value: Uint8Array, depth: number): void => {
  if (!walk.abilities.binary) refuse(walk, depth, "bytes have no form in this format")
  assertItemBytes(walk, value.byteLength, depth)
}

const loneSurrogate = /\p{Surrogate}/u
const utf8 = new TextEncoder()

const visitText = (walk: Walk, text: string, depth: number): void => {
  const { bytesMax, itemBytesMax } = walk.limits
  walk.textLength += text.length
  if (walk.textLength > bytesMax) {
    refuse(walk, depth, `more text than ${bytesMax} bytes in all (bytesMax)`)
  }
  // A UTF-16 unit takes one to three bytes, so that most texts need not be measured.
  if (text.length * 3 > itemBytesMax) {
    const least = text.length
    assertItemBytes(walk, least > itemBytesMax ? least : utf8.encode(text).byteLength, depth)
  }
  if (loneSurrogate.test(text)) refuse(walk, depth, "text with half a surrogate pair")
}

const assertItemBytes = (walk: Walk, bytes: number, depth: number): void => {
  const { itemBytesMax } = walk.limits
  if (bytes <= itemBytesMax) return
  refuse(walk, depth, `an item of ${bytes} bytes, the limit is ${itemBytesMax} (itemBytesMax)`)
}

const assertElements = (walk: Walk, count: number, depth: number): void => {
  const { elementsMax } = walk.limits
  if (count <= elementsMax) return
  refuse(walk, depth, `${count} elements, the limit is ${elementsMax} (elementsMax)`)
}

const refuse = (walk: Walk, depth: number, reason: string): never => {
  const place = walk.path.slice(0, depth)
    .map((step) => typeof step === "number" ? `[${step}]` : `.${step}`)
    .join("")
  throw new TypeError(`${reason}, at $${place}`)
}
