/** What the tests of reminders share: a pump that writes down what it is told, and its site. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import { EventLoop } from "@plantd/actors/EventLoop"
import * as Quarantine from "@plantd/actors/Quarantine"
import type { QuarantineStore } from "@plantd/actors/QuarantineStore"
import * as Reminder from "@plantd/actors/Reminder"
import type { ReminderStore } from "@plantd/actors/ReminderStore"
import { Clock, Context, type Duration, Effect, Layer, Schema, type Scope, TestClock } from "effect"
import { collectEvents } from "./stage.ts"

/** The crash that `Calibrate` with this depth is. */
export const poison = 13

/** A pump; what it does to be told things is in `PumpLive`. */
export const Pump = Actor.make("Pump", [
  Rpc.make("Calibrate", { payload: { depth: Schema.Int } }),
  Rpc.make("Check", { error: Schema.String }),
  Rpc.make("Hang"),
  Rpc.make("Slow", { payload: { millis: Schema.Number } }),
  Rpc.make("Plan", {
    payload: {
      on: Schema.Date,
      note: Schema.propertySignature(Schema.String).pipe(
        Schema.withConstructorDefault(() => "none")
      )
    }
  }),
  Rpc.make("Watch", { success: Schema.Int, stream: true })
])

/** What pumps were told: the time in seconds, who, and what. */
export class Told extends Context.Tag("Told")<Told, Array<string>>() {}

/** Pumps that write down what they are told before they do it. */
export const PumpLive = Pump.toLayer(
  Effect.gen(function*() {
    const told = yield* Told
    const write = (text: string) =>
      Effect.map(Clock.currentTimeMillis, (now) => void told.push(`${now / 1_000} s: ${text}`))
    return {
      Calibrate: ({ depth }) =>
        Effect.zipRight(
          write(`calibrate ${depth}`),
          depth === poison ? Effect.die(new Error("the probe broke")) : Effect.void
        ),
      Check: () => Effect.zipRight(write("check"), Effect.fail("worn")),
      Hang: () => Effect.zipRight(write("hang"), Effect.never),
      Slow: ({ millis }) => Effect.zipRight(write("slow"), Effect.sleep(millis)),
      Plan: ({ note, on }) => write(`plan ${on.toISOString()} ${note}`),
      Watch: () => Effect.die("not told") as never
    }
  }),
  {
    supervision: Supervision.restart({
      maxRestarts: 1_000,
      within: "1 second",
      backoff: { min: "10 millis", factor: 1, jitter: 0 }
    })
  }
)

/** A pump's address. */
export const p1 = Pump.at("p-1")

/** Delays without luck in them: 1 s, 2 s, 4 s, at most a minute. */
export const settings: Partial<Reminder.Settings> = {
  retryBackoff: { min: "1 second", max: "1 minute", factor: 2, jitter: 0 },
  pollInterval: "1 day"
}

/** Everything that one process has; it is stopped when the scope of the layer closes. */
export const processOf = (
  stores: Layer.Layer<ReminderStore | QuarantineStore>,
  given: Partial<Reminder.Settings> = {}
) =>
  Layer.mergeAll(
    PumpLive,
    Reminder.layerWith({ ...settings, ...given }),
    Quarantine.Quarantine.layer
  )
    .pipe(Layer.provideMerge(Layer.merge(ActorSystem.layer, stores)))

/** Lets one turn of the event loop pass: stores wait for one before they write. */
const turn = Effect.flatMap(
  EventLoop,
  (loop) => Effect.async<void>((resume) => loop.afterTurn(() => resume(Effect.void)))
)

/** Lets fibers run, without any time to pass, until `found` gives what is awaited. */
export const until = <A, E, R>(
  found: Effect.Effect<A, E, R>,
  awaited: (found: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.zipLeft(found, turn).pipe(Effect.repeat({ until: awaited, times: 20_000 }))

/** Lets fibers run to where they wait for time, or for something else. */
export const settled = Effect.repeatN(turn, 20)

/** Lets time pass, and everything happen that is due by then. */
export const pass = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.zipRight(TestClock.adjust(duration), settled)

/** Runs `body` in a process of its own, with what the pumps were told in it. */
export const run =
  (stores: Layer.Layer<ReminderStore | QuarantineStore>, given?: Partial<Reminder.Settings>) =>
  <A, E>(body: (told: Array<string>) => Effect.Effect<A, E, Process | Scope.Scope>) =>
    Effect.suspend(() => {
      const told: Array<string> = []
      return Effect.scoped(body(told)).pipe(
        Effect.provide(processOf(stores, given)),
        Effect.provideService(Told, told)
      )
    })

/** What a process offers. */
export type Process = Layer.Layer.Success<ReturnType<typeof processOf>>

/** The dead letters from now on, as `reason tag`. */
export const deadLetters: Effect.Effect<
  () => ReadonlyArray<string>,
  never,
  ActorSystem | Scope.Scope
> = Effect.map(
  collectEvents,
  (events) => () =>
    events.flatMap((event) => event._tag === "DeadLetter" ? [`${event.reason} ${event.tag}`] : [])
)
