/** The rules of garbage: what is not of the protocol is answered or dropped, and ends nothing. */
import { Effect, Random } from "effect"
import * as Protocol from "../DeviceProtocol.ts"
import type { Frames } from "../Transport.ts"
import { framesOf } from "./driverCheckPeer.ts"
import {
  begin,
  type Check,
  heartbeat,
  hello,
  isReady,
  mismatch,
  type Rule,
  type Session
} from "./driverCheckSession.ts"

const utf8 = new TextEncoder()
const magic = utf8.encode("PDP1")
const id = utf8.encode("garbage")
const nothing = Uint8Array.of(0x80)

// It still answers in the end: messages of one peer are handled in their order.
const survives = (
  promise: string,
  garbage: (session: Session) => Effect.Effect<ReadonlyArray<Frames>>
): Pick<Rule, "promise" | "run"> => ({
  promise: `${promise}: the driver answers as before`,
  run: (check: Check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      for (const frames of yield* garbage(session)) yield* session.send(frames)
      yield* isReady(session, hello(session, {}, `HELLO after ${promise.toLowerCase()}`))
    })
})

const frameCounts: Rule = {
  id: "garbage-frames",
  ...survives("Messages of too few or too many frames", (session) => {
    const whole = framesOf(heartbeat(session), id)
    const extra = new Uint8Array(3)
    return Effect.succeed([
      [new Uint8Array()],
      ...[1, 2, 3].map((count) => whole.slice(0, count)),
      [...whole, extra],
      [...whole, extra, extra, extra, extra]
    ])
  })
}

/** So many messages of random bytes are sent. */
const randomMessages = 50

const bytes = (max: number): Effect.Effect<Uint8Array> =>
  Effect.gen(function*() {
    const found = new Uint8Array(yield* Random.nextIntBetween(0, max + 1))
    for (let at = 0; at < found.length; at++) found[at] = yield* Random.nextIntBetween(0, 256)
    return found
  })

const kinds = Protocol.requestKinds.filter((kind) => kind !== "BYE").map((kind) =>
  utf8.encode(kind)
)

const randomBytes: Rule = {
  id: "garbage-bytes",
  ...survives(
    "Messages of random bytes",
    () =>
      Effect.forEach(Array.from({ length: randomMessages }), (_, at) => {
        const kind = kinds[at % kinds.length] ?? magic
        return at % 2 === 0
          ? Effect.map(bytes(100), (body): Frames => [magic, kind, id, body])
          : Effect.all([bytes(8), bytes(12), bytes(40), bytes(100)])
      })
  )
}

const badIds: Rule = {
  id: "garbage-ids",
  ...survives("Ids that are empty, or of more than 32 bytes", (session) => {
    const [first, kind, , body] = framesOf(heartbeat(session), id)
    return Effect.succeed([0, 33, 4_096].map((length): Frames => [
      first ?? magic,
      kind ?? magic,
      new Uint8Array(length),
      body ?? nothing
    ]))
  })
}

/** Nested far beyond what a body may be, and what a recursive decoder survives. */
const depth = 100_000

const deep: Rule = {
  id: "garbage-depth",
  ...survives(`Bodies nested ${depth} deep`, () => {
    const arrays = new Uint8Array(depth + 1).fill(0x91)
    const maps = new Uint8Array(2 * depth + 1)
    for (let at = 0; at < depth; at++) maps.set([0x81, 0x01], 2 * at)
    for (const body of [arrays, maps]) body[body.length - 1] = 0xc0
    // A length of 4 GiB that is only said.
    const huge = Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff)
    return Effect.succeed(
      [arrays, maps, huge].flatMap((body) => kinds.map((kind): Frames => [magic, kind, id, body]))
    )
  })
}

/** Bodies that are no map, or no MessagePack, and their names. */
const bodies: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
  ["nothing", []],
  ["nil", [0xc0]],
  ["an array", [0x90]],
  ["a number", [0x01]],
  ["the byte 0xc1, which MessagePack does not use", [0xc1]],
  ["a map that is cut off", [0x82, 0xa1, 0x61]],
  ["a map without the fields that must be there", [0x80]]
]

const badBody: Rule = {
  id: "malformed",
  promise: "A body that is no map, or has not the fields, is answered by ERROR malformed",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      let count = 0
      for (const kind of ["HELLO", "READ", "WRITE", "INVOKE"]) {
        for (const [name, body] of bodies) {
          const own = utf8.encode(`m${++count}`)
          const what = `${kind} whose body is ${name}`
          yield* session.send([magic, utf8.encode(kind), own, Uint8Array.from(body)])
          const answer = yield* session.answerTo(own, what)
          if (answer.kind !== "ERROR" || answer.body.code !== "malformed") {
            return yield* mismatch(`ERROR malformed to ${what}`, answer)
          }
        }
      }
      const unknown = utf8.encode("unknown")
      yield* session.send([magic, utf8.encode("NOPE"), unknown, nothing])
      const answer = yield* session.answerTo(unknown, "a message of the kind NOPE")
      if (answer.kind !== "ERROR" || answer.body.code !== "malformed") {
        return yield* mismatch("ERROR malformed to a message of the kind NOPE", answer)
      }
    })
}

/** The rules of garbage. */
export const rules: ReadonlyArray<Rule> = [badBody, frameCounts, randomBytes, badIds, deep]
