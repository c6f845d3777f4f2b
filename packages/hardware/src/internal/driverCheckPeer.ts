/** A peer of a driver under check: it sends what is right or wrong, and waits for the answer. */
import { type Clock, Data, Effect, Either, type Scope } from "effect"
import { Monotonic } from "@plantd/core"
import * as Protocol from "../DeviceProtocol.ts"
import { type Frames, type Socket, Transport, type TransportError } from "../Transport.ts"
import { equalBytes, show } from "./frameText.ts"

/** The driver does something else than it must. */
export class Mismatch extends Data.TaggedError("Mismatch")<{
  readonly expected: string
  readonly got: string
}> {}

/** A rule cannot be checked with this driver. */
export class Inapplicable extends Data.TaggedError("Inapplicable")<{ readonly reason: string }> {}

/** Why a rule does not hold, or cannot be told to hold. */
export type Fault = Mismatch | Inapplicable | TransportError

/** What is waited for, and what came instead: told where the time of a rule is up. */
export interface Waiting {
  for: string
  instead: string | undefined
}

/** A request, and how messages name it. */
export interface Asked {
  readonly kind: Protocol.Request["kind"]
  readonly body: object
  readonly what: string
}

/** One connection to a driver. */
export interface Peer {
  /** Milliseconds of the clock by which this peer says `sentAt`. */
  readonly now: () => number
  /** Sends any frames whatever. */
  readonly send: (frames: Frames) => Effect.Effect<void, TransportError>
  /** Sends a request, and gives its id, to wait for the answer later. */
  readonly request: (asked: Asked, id?: Uint8Array) => Effect.Effect<Uint8Array, TransportError>
  /** Waits for the answer with this id; PROGRESS and answers to others are passed over. */
  readonly answerTo: (
    id: Uint8Array,
    what: string
  ) => Effect.Effect<Protocol.Answer, Mismatch | TransportError>
  /** Sends a request and waits for its answer. */
  readonly ask: (
    asked: Asked,
    id?: Uint8Array
  ) => Effect.Effect<Protocol.Answer, Mismatch | TransportError>
  /** Waits for the next message, whatever its id. */
  readonly next: (what: string) => Effect.Effect<Protocol.Answer, Mismatch | TransportError>
}

/** Connects to a driver, and waits until the connection stands. */
export const open = Effect.fnUntraced(function*(
  endpoint: string,
  waiting: Waiting
): Effect.fn.Return<Peer, TransportError, Transport | Scope.Scope> {
  const transport = yield* Transport
  const socket = yield* transport.open({ kind: "dealer", mode: "connect", endpoint })
  waitFor(waiting, `a connection to ${endpoint}`)
  yield* Effect.repeat(socket.event, { until: (event) => event._tag === "Connected" })
  return peerOf(socket, waiting, yield* Effect.clock)
})

/** Notes what is waited for from now on. */
export const waitFor = (waiting: Waiting, what: string): void => {
  waiting.for = what
  waiting.instead = undefined
}

/** Frames of a request whose body is plain data by construction. */
export const framesOf = ({ body, kind }: Asked, id: Uint8Array): Frames =>
  Either.getOrThrow(Protocol.encode(kind, id, body))

/** An answer as messages show it. */
export const showAnswer = (answer: Protocol.Answer): string => {
  const body = answer.kind === "ERROR"
    ? `${answer.body.code}: ${answer.body.message}`
    : JSON.stringify(answer.body)
  return shortened(`${answer.kind} ${body}`)
}

const shownMax = 200

const shortened = (text: string): string =>
  text.length <= shownMax ? text : `${text.slice(0, shownMax - 3)}...`

const peerOf = (socket: Socket, waiting: Waiting, clock: Clock.Clock): Peer => {
  let requests = 0
  const next: Peer["next"] = (what) =>
    Effect.flatMap(socket.receive, (frames) =>
      Effect.mapError(
        Protocol.decodeAnswer(frames),
        (violation) => new Mismatch({ expected: what, got: violation.message })
      ))
  const request: Peer["request"] = (asked, id = Protocol.idOf(`c${++requests}`)) =>
    Effect.as(socket.send(framesOf(asked, id)), id)
  const answerTo: Peer["answerTo"] = (id, what) =>
    Effect.suspend(() => {
      const expected = `an answer to ${what}`
      waitFor(waiting, expected)
      const again: Effect.Effect<Protocol.Answer, Mismatch | TransportError> = Effect.flatMap(
        next(expected),
        (answer) => {
          if (answer.kind === "BYE") {
            return Effect.fail(new Mismatch({ expected, got: showAnswer(answer) }))
          }
          const isMine = equalBytes(answer.id, id)
          if (isMine && answer.kind !== "PROGRESS") return Effect.succeed(answer)
          waiting.instead = isMine ? showAnswer(answer) : `${showAnswer(answer)} with the id`
            + ` ${show(answer.id)}, which was not asked with`
          return again
        }
      )
      return again
    })
  return {
    now: () => Monotonic.millis(clock),
    send: socket.send,
    request,
    answerTo,
    next: (what) =>
      Effect.suspend(() => {
        waitFor(waiting, what)
        return next(what)
      }),
    ask: (asked, id) => Effect.flatMap(request(asked, id), (own) => answerTo(own, asked.what))
  }
}
