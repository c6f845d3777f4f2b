/** Numbers as registers hold them: types, the order of words, scale and offset. */
import { Either } from "effect"

/** How one number lies in registers. */
export type RegisterType = "uint16" | "int16" | "uint32" | "int32" | "float32"

/** Which of the two words of a 32-bit number stands at the lower address. */
export type WordOrder = "high-first" | "low-first"

/** How a number is kept: what is read is `raw * scale + offset`. */
export interface RegisterFormat {
  readonly type: RegisterType
  /** Of no meaning to 16-bit types. */
  readonly wordOrder: WordOrder
  /** Not 0. */
  readonly scale: number
  readonly offset: number
}

/** How many registers a number of this type takes. */
export const wordsOf = (type: RegisterType): 1 | 2 => type === "uint16" || type === "int16" ? 1 : 2

const limits = {
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
  uint32: [0, 0xffff_ffff],
  int32: [-0x8000_0000, 0x7fff_ffff]
} as const

/**
 * The number that registers hold, `wordsOf` of them from place `at` on. NaN and infinities come
 * through from floats: devices mean "no value" by them.
 */
export const decode = (
  format: RegisterFormat,
  words: ReadonlyArray<number>,
  at = 0
): number => scaled(format, rawOf(format, words, at))

/**
 * The registers that hold a number, the nearest that there is of it; the left side says why there
 * are none. Only finite numbers are encoded.
 */
export const encode = (
  format: RegisterFormat,
  value: number
): Either.Either<ReadonlyArray<number>, string> => {
  const exact = (value - format.offset) / format.scale
  if (!Number.isFinite(exact)) return Either.left(`${value} is not a finite number`)
  const { type } = format
  const bytes = new DataView(new ArrayBuffer(4))
  if (type === "float32") {
    bytes.setFloat32(0, exact)
    return Number.isFinite(bytes.getFloat32(0))
      ? Either.right(inOrder(format, bytes.getUint16(0), bytes.getUint16(2)))
      : Either.left(`${value} does not fit into a float32`)
  }
  const raw = Math.round(exact)
  const [min, max] = limits[type]
  if (raw < min || raw > max) {
    return Either.left(`${value} does not fit into ${describe(format)}`)
  }
  if (wordsOf(type) === 1) return Either.right([raw & 0xffff])
  bytes.setUint32(0, raw >>> 0)
  return Either.right(inOrder(format, bytes.getUint16(0), bytes.getUint16(2)))
}

/**
 * How far the number that is kept may be from the one that was to be kept, for numbers whose
 * distance from 0 is at most `greatest`. A little more, since scaling rounds as well.
 */
export const resolutionOf = (format: RegisterFormat, greatest: number): number =>
  format.type === "float32"
    ? (greatest + Math.abs(format.offset)) * 2 ** -23 + Math.abs(format.scale) * 2 ** -149
    : Math.abs(format.scale) / 2 * (1 + 1e-6)

const describe = ({ offset, scale, type }: RegisterFormat): string =>
  scale === 1 && offset === 0 ? type : `${type} with scale ${scale} and offset ${offset}`

const inOrder = (format: RegisterFormat, high: number, low: number): ReadonlyArray<number> =>
  format.wordOrder === "high-first" ? [high, low] : [low, high]

const rawOf = (
  { type, wordOrder }: RegisterFormat,
  words: ReadonlyArray<number>,
  at: number
): number => {
  const first = words[at] ?? NaN
  if (type === "uint16") return first
  if (type === "int16") return first > 0x7fff ? first - 0x1_0000 : first
  const second = words[at + 1] ?? NaN
  const [high, low] = wordOrder === "high-first" ? [first, second] : [second, first]
  const bytes = new DataView(new ArrayBuffer(4))
  bytes.setUint16(0, high)
  bytes.setUint16(2, low)
  if (type === "uint32") return bytes.getUint32(0)
  return type === "int32" ? bytes.getInt32(0) : bytes.getFloat32(0)
}

/** More digits than any register has, fewer than where binary fractions show: 3 * 0.1 is 0.3. */
const digits = 12

const scaled = ({ offset, scale }: RegisterFormat, raw: number): number =>
  scale === 1 && offset === 0 ? raw : Number((raw * scale + offset).toPrecision(digits))
