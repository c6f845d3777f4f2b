/**
 * A check of any device process, in whatever language, against the device protocol: it connects as
 * nodes do, and says of each rule whether it holds. Described in docs/device-protocol.md.
 *
 * It acts: one attribute is written, again and again, and set back in the end; the driver's fence
 * is raised by two, and stays so. No command is invoked. Use it with a device that may be moved.
 */
import { Effect, Fiber, Random } from "effect"
import * as Description from "./DeviceDescription.ts"
import type * as Protocol from "./DeviceProtocol.ts"
import * as Choice from "./internal/driverCheckAttribute.ts"
import * as Commands from "./internal/driverCheckCommands.ts"
import * as Garbage from "./internal/driverCheckGarbage.ts"
import { DriverCheckError, greet, type Greeted } from "./internal/driverCheckGreeting.ts"
import * as Hello from "./internal/driverCheckHello.ts"
import { type Fault, Mismatch, type Peer } from "./internal/driverCheckPeer.ts"
import * as Reading from "./internal/driverCheckReading.ts"
import * as Session from "./internal/driverCheckSession.ts"
import type { Transport, TransportError } from "./Transport.ts"

export { DriverCheckError } from "./internal/driverCheckGreeting.ts"

type Check = Session.Check

/** A value that an attribute may be given. */
export type Value = Choice.Value

/** What is checked, and how. */
export interface Options {
  /** The endpoint of commands. */
  readonly commands: string
  /** The endpoint of telemetry; else the one that READY tells. */
  readonly telemetry?: string
  /** The device that is expected: with another one nothing is done. */
  readonly device?: string
  /** The attribute to write; else one with bounds where there is one. */
  readonly attribute?: string
  /** Two different values for it; else chosen by its description. */
  readonly values?: readonly [Value, Value]
  /** The fence to begin with, where the driver does not tell the highest it has seen. */
  readonly fence?: number
  /** How long each rule may take, in milliseconds; `settings.ruleMillis` where nothing is said. */
  readonly ruleMillis?: number
  /** Told each finding as it is made. */
  readonly onFinding?: (finding: Finding) => Effect.Effect<void>
}

/** Ten seconds for each rule. */
export const settings = { ruleMillis: 10_000 } as const

/** What was found of one rule. */
export interface Finding {
  /** Names the rule, for good. */
  readonly id: string
  /** What the rule asks of a driver. */
  readonly promise: string
  readonly result: Result
}

/** Whether a rule holds. */
export type Result =
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Failed"; readonly expected: string; readonly got: string }
  | { readonly _tag: "Skipped"; readonly reason: string }

/** What was found of all rules, and what the check did to the device. */
export interface Report {
  readonly findings: ReadonlyArray<Finding>
  /** As READY told it; absent where no session stood. */
  readonly device?: { readonly id: string; readonly type: string; readonly epoch: number }
  /** The highest fence before, and the one that the driver has now. */
  readonly fence?: { readonly before: number; readonly after: number }
  readonly attribute?: Written
}

/** The attribute that was written. */
export interface Written {
  readonly name: string
  readonly values: readonly [Value, Value]
  /** What it was before, where that could be read. */
  readonly before: unknown
  /** True where it was set back to that. */
  readonly restored: boolean
}

const handshake = {
  id: "handshake",
  promise: "HELLO is answered by READY, with the same id and all fields, and an epoch above 0"
}

const all: ReadonlyArray<Session.Rule> = [
  ...Hello.rules,
  ...Reading.rules,
  ...Commands.rules,
  ...Garbage.rules
]

/** The rules in the order in which they are checked. */
export const rules: ReadonlyArray<Pick<Finding, "id" | "promise">> = [
  handshake,
  ...all.map(({ id, promise }) => ({ id, promise }))
]

/**
 * Checks a driver, one rule after the other, each with sessions of its own and within its time.
 * Fails where nothing answers; what a driver does wrong is a finding. Interrupted, it sets back the
 * attribute too.
 */
export const run = (
  options: Options
): Effect.Effect<Report, DriverCheckError | TransportError, Transport> =>
  Effect.scoped(Effect.gen(function*() {
    const { commands, device, fence, ruleMillis: millis = settings.ruleMillis } = options
    const greeted = yield* greet({ commands, device, fence, millis })
    if (greeted._tag === "Fault") return yield* withoutSession(options, greeted)
    const { peer, ...known } = greeted
    const attribute = yield* attributeOf(options, known.description)
    const check: Check = {
      ...known,
      commands,
      telemetry: telemetryOf(options, known.ready),
      ruleMillis: millis,
      waiting: { for: "", instead: undefined },
      order: Description.attributeOrder(known.description.attributes),
      attribute,
      newId: yield* commandIds,
      readsBack: true
    }
    yield* Effect.forkScoped(keepAlive(peer))
    return yield* checked(check, options)
  }))

// The rule that keeps a session from standing failed; of the others nothing can be said.
const withoutSession = (
  options: Options,
  { mismatch: { expected, got }, rule }: Greeted & { readonly _tag: "Fault" }
): Effect.Effect<Report> =>
  Effect.map(
    Effect.forEach(rules, ({ id, promise }) =>
      tell(options, {
        id,
        promise,
        result: id === rule
          ? { _tag: "Failed", expected, got }
          : { _tag: "Skipped", reason: `there is no session, see ${rule}` }
      })),
    (findings) => ({ findings })
  )

const tell = (options: Options, finding: Finding): Effect.Effect<Finding> =>
  Effect.as(options.onFinding?.(finding) ?? Effect.void, finding)

const attributeOf = (
  { attribute, commands: endpoint, values }: Options,
  description: Description.DeviceDescription
): Effect.Effect<Choice.Chosen | undefined, DriverCheckError> =>
  Effect.mapError(
    Choice.choose(description, { attribute, values }),
    (detail) => new DriverCheckError({ reason: "attribute", endpoint, detail })
  )

const anyHost = /^tcp:\/\/(\*|0\.0\.0\.0|\[::\]):/
const hostOf = /^tcp:\/\/(.+):\d+$/

// An endpoint of any host is reached where the commands are.
const telemetryOf = (options: Options, ready: Protocol.Ready): string | undefined => {
  const told = options.telemetry ?? ready.telemetry
  const host = hostOf.exec(options.commands)?.[1]
  return host === undefined ? told : told?.replace(anyHost, () => `tcp://${host}:`)
}

const commandIds = Effect.map(Random.nextIntBetween(0, 2 ** 31), (number) => {
  let given = 0
  return () => `check-${number.toString(36)}-${++given}`
})

/** Between two signs of life, in milliseconds: a device that hears nobody makes itself safe. */
const signMillis = 500

const keepAlive = (peer: Peer): Effect.Effect<void> =>
  Effect.suspend(() =>
    peer.ask({ kind: "HEARTBEAT", what: "HEARTBEAT", body: { sentAt: peer.now() } })
  ).pipe(
    Effect.timeout(signMillis),
    // What is wrong with the answer is found by a rule.
    Effect.ignore,
    Effect.zipRight(Effect.sleep(signMillis)),
    Effect.forever
  )

const checked = (
  check: Check,
  options: Options
): Effect.Effect<Report, never, Transport> =>
  Effect.gen(function*() {
    const { attribute, fence: before, ready: { device, epoch } } = check
    const was = attribute === undefined ? undefined : yield* current(check, attribute)
    const restoring = restore(check, was)
    const findings = yield* Effect.onInterrupt(
      Effect.forEach([held, ...all], (rule) =>
        Effect.flatMap(judge(check, rule), (result) =>
          tell(options, { id: rule.id, promise: rule.promise, result }))),
      () =>
        inTime(restoring)
    )
    const restored = yield* restoring
    return {
      findings,
      device: { id: device, type: check.description.type, epoch },
      fence: { before, after: check.fence },
      ...(attribute === undefined ? {} : {
        attribute: { name: attribute.name, values: attribute.values, before: was, restored }
      })
    }
  })

// Where the check is interrupted, its own fiber would wait for an answer without end.
const inTime = <A, R>(effect: Effect.Effect<A, never, R>): Effect.Effect<A, never, R> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), Fiber.join)

const held: Session.Rule = { ...handshake, run: () => Effect.void }

const judge = (check: Check, rule: Session.Rule): Effect.Effect<Result, never, Transport> => {
  const { waiting } = check
  waiting.for = "an answer"
  waiting.instead = undefined
  const millis = Math.max(check.ruleMillis, rule.leastMillis?.(check) ?? 0)
  return rule.run(check).pipe(
    Effect.scoped,
    Effect.timeoutFail({
      duration: millis,
      onTimeout: () =>
        new Mismatch({
          expected: waiting.for,
          got: `${waiting.instead ?? "nothing"} within ${millis} ms`
        })
    }),
    Effect.match({ onSuccess: (): Result => ({ _tag: "Ok" }), onFailure: resultOf })
  )
}

const resultOf = (fault: Fault): Result => {
  switch (fault._tag) {
    case "Inapplicable":
      return { _tag: "Skipped", reason: fault.reason }
    case "Mismatch":
      return { _tag: "Failed", expected: fault.expected, got: fault.got }
    case "TransportError":
      return { _tag: "Failed", expected: "a connection that stands", got: fault.message }
  }
}

// Where it cannot be read there is nothing to set it back to.
const current = (
  check: Check,
  { name }: Choice.Chosen
): Effect.Effect<unknown, never, Transport> =>
  Session.begin(check).pipe(
    Effect.flatMap((session) => Session.valueOf(session, name)),
    Effect.scoped,
    Effect.timeout(check.ruleMillis),
    Effect.orElseSucceed(() => null)
  )

const restore = (check: Check, before: unknown): Effect.Effect<boolean, never, Transport> => {
  const { attribute } = check
  if (attribute === undefined || typeof before !== typeof attribute.values[0]) {
    return Effect.succeed(false)
  }
  return Session.begin(check).pipe(
    Effect.flatMap((session) =>
      Session.isDone(session, Session.write(session, { name: attribute.name, value: before }))
    ),
    Effect.scoped,
    Effect.timeout(check.ruleMillis),
    Effect.isSuccess
  )
}
