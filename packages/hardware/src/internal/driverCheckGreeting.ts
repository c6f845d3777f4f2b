/** The first HELLO of a driver check: what READY tells of a device that nothing is known of. */
import { Effect, Either, Schema, type Scope } from "effect"
import * as Description from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Transport, TransportError } from "../Transport.ts"
import { Mismatch, open, type Peer, showAnswer, waitFor } from "./driverCheckPeer.ts"

/** There is nothing that can be checked, or not what was expected. No attribute was written. */
export class DriverCheckError extends Schema.TaggedError<DriverCheckError>()("DriverCheckError", {
  reason: Schema.Literal("no-answer", "fence-unknown", "other-device", "attribute"),
  endpoint: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.endpoint}: ${this.detail}`
  }
}

/** Whom the first HELLO is for. */
export interface Greeting {
  readonly commands: string
  readonly device: string | undefined
  readonly fence: number | undefined
  /** How long it may take, in milliseconds. */
  readonly millis: number
}

/** What came of it: a session, or the rule that does not hold and keeps one from standing. */
export type Greeted =
  | {
    readonly _tag: "Session"
    readonly peer: Peer
    readonly ready: Protocol.Ready
    readonly description: Description.DeviceDescription
    readonly fence: number
  }
  | {
    readonly _tag: "Fault"
    readonly rule: "handshake" | "hello-anonymous"
    readonly mismatch: Mismatch
  }

/** Says HELLO as a tool for any device does, under the highest fence that the driver tells. */
export const greet = (
  greeting: Greeting
): Effect.Effect<
  Greeted,
  DriverCheckError | TransportError,
  Transport | Scope.Scope
> => {
  const waiting = { for: "", instead: undefined }
  const tooLate = () =>
    errorOf(
      greeting,
      "no-answer",
      `waited in vain for ${waiting.for}, for ${greeting.millis} ms: is a device process running,`
        + " and is this its endpoint of commands?"
    )
  return Effect.flatMap(open(greeting.commands, waiting), (peer) =>
    Effect.suspend(() => {
      waitFor(waiting, "an answer to HELLO")
      return begin(greeting, peer)
    })).pipe(
      Effect.timeoutFail({ duration: greeting.millis, onTimeout: tooLate }),
      Effect.catchTag(
        "Mismatch",
        (mismatch) => Effect.succeed<Greeted>({ _tag: "Fault", rule: "handshake", mismatch })
      )
    )
}

const errorOf = (
  { commands: endpoint }: Greeting,
  reason: DriverCheckError["reason"],
  detail: string
): DriverCheckError => new DriverCheckError({ reason, endpoint, detail })

const begin = Effect.fnUntraced(function*(
  greeting: Greeting,
  peer: Peer
): Effect.fn.Return<Greeted, DriverCheckError | Mismatch | TransportError> {
  let fence = greeting.fence ?? 0
  const say = (device: string | undefined) =>
    peer.ask({
      kind: "HELLO",
      what: "HELLO without description",
      body: {
        protocol: [1],
        ...(device === undefined ? {} : { device }),
        node: "plantd driver check",
        fence,
        epoch: 1,
        sentAt: peer.now()
      }
    })
  let answer = yield* say(undefined)
  if (answer.kind === "ERROR" && answer.body.code === "stale-fence") {
    const highest = answer.body.fence
    if (highest === undefined) {
      return yield* errorOf(
        greeting,
        "fence-unknown",
        `a fence above ${fence} was here, and the driver does not tell which: give one`
      )
    }
    fence = highest
    answer = yield* say(undefined)
  }
  if (answer.kind === "READY") {
    return yield* sessionOf(greeting, { peer, ready: answer.body, fence })
  }
  const mismatch = new Mismatch({
    expected: "READY to HELLO without device and description",
    got: showAnswer(answer)
  })
  return { _tag: "Fault", rule: "hello-anonymous", mismatch }
})

const sessionOf = (
  greeting: Greeting,
  { fence, peer, ready }: {
    readonly fence: number
    readonly peer: Peer
    readonly ready: Protocol.Ready
  }
): Effect.Effect<Greeted, DriverCheckError | Mismatch> => {
  const { device } = greeting
  if (device !== undefined && device !== ready.device) {
    const detail = `this is ${ready.device}, not ${device}; nothing was written`
    return Effect.fail(errorOf(greeting, "other-device", detail))
  }
  const expected = (what: string, got: unknown) =>
    Effect.fail(new Mismatch({ expected: `READY with ${what}`, got: JSON.stringify(got) }))
  if (ready.protocol !== 1) return expected("protocol 1", ready.protocol)
  if (ready.epoch < 1) return expected("an epoch above 0", ready.epoch)
  return Either.match(Description.decode(ready.description), {
    onLeft: (got) => Effect.fail(new Mismatch({ expected: "READY with a description", got })),
    onRight: (description) =>
      Effect.succeed<Greeted>({
        _tag: "Session",
        peer,
        ready,
        description,
        fence: Math.max(fence, ready.fence ?? 0)
      })
  })
}
