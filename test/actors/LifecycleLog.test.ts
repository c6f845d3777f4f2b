import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import { Effect, Layer, Logger, Metric, TestClock } from "effect"

const Pump = Actor.make("Pump", [Rpc.make("Break"), Rpc.make("Ping")])

/** A pump, and the lines of the log, each with its level. */
const logged = <A, E>(
  of: {
    readonly supervision: Supervision.Supervision
    readonly settings?: Parameters<typeof ActorSystem.layerWith>[0]
  },
  body: (pump: Actor.Client<PumpRpcs>, lines: Array<string>) => Effect.Effect<A, E, ActorSystem>
) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) =>
    void lines.push(`${logLevel.label} ${String(message)}`)
  )
  const handlers = { Break: () => Effect.die("broken"), Ping: () => Effect.void }
  const layer = Layer.provideMerge(
    Pump.toLayer(handlers, { supervision: of.supervision }),
    ActorSystem.layerWith(of.settings ?? {})
  ).pipe(Layer.provideMerge(Logger.add(logger)))
  return Effect.flatMap(Pump.client, (client) => body(client("p-1"), lines)).pipe(
    Effect.provide(layer)
  )
}

type PumpRpcs = typeof Pump extends Actor.Actor<infer _Name, infer Rpcs> ? Rpcs : never

/** Lets every fiber that is ready run to where it waits. */
const ready = Effect.repeatN(Effect.yieldNow(), 50)

const once = Supervision.restart({ maxRestarts: 1, backoff: { min: "10 millis", jitter: 0 } })

it.effect("a crash is logged with actor, incarnation and cause, what follows as a warning", () =>
  logged({ supervision: once }, (pump, lines) =>
    Effect.gen(function*() {
      yield* Effect.exit(pump.Break())
      yield* TestClock.adjust("10 millis")
      yield* Effect.exit(pump.Break())
      yield* ready
      expect(lines).toEqual([
        expect.stringMatching(/^ERROR Pump\/p-1, incarnation 1, crashed: .*broken/),
        "WARN Pump/p-1, incarnation 1, is built anew in 10 ms",
        expect.stringMatching(/^ERROR Pump\/p-1, incarnation 2, crashed: .*broken/),
        "WARN Pump/p-1, incarnation 2, was the last, it stopped: restart-limit"
      ])
    })))

it.effect("an actor that is stopped by its first crash is logged as stopped", () =>
  logged({ supervision: Supervision.stop }, (pump, lines) =>
    Effect.gen(function*() {
      yield* Effect.exit(pump.Break())
      yield* ready
      expect(lines[1]).toBe("WARN Pump/p-1, incarnation 1, was the last, it stopped: crashed")
    })))

it.effect("starts, and stops that were asked for, are not logged", () =>
  logged({ supervision: once }, (pump, lines) =>
    Effect.gen(function*() {
      yield* pump.Ping()
      yield* (yield* ActorSystem).stop(Pump.at("p-1"))
      yield* ready
      expect(lines).toEqual([])
    })))

it.effect("crashes are logged so often within a time, then how many were left out", () =>
  logged({
    supervision: Supervision.resume,
    settings: { linesLogged: 2, logWindow: "5 seconds" }
  }, (pump, lines) =>
    Effect.gen(function*() {
      yield* Effect.repeatN(Effect.exit(pump.Break()), 4)
      yield* ready
      expect(lines).toHaveLength(2)
      yield* TestClock.adjust("5 seconds")
      yield* Effect.exit(pump.Break())
      yield* ready
      expect(lines.slice(2)).toEqual([
        "ERROR crashes: 3 more were not logged",
        expect.stringContaining("crashed")
      ])
    })))

it.effect("dead letters have a bound of their own, beside the crashes", () =>
  logged(
    { supervision: Supervision.stop, settings: { linesLogged: 1 } },
    (pump, lines) =>
      Effect.gen(function*() {
        yield* Effect.exit(pump.Break())
        yield* Effect.exit(pump.Ping())
        yield* Effect.exit(pump.Ping())
        yield* ready
        expect(lines.slice(2)).toEqual(["WARN dead letter: Pump/p-1 will not handle Ping: stopped"])
      })
  ))

it.effect("with a bound of 0 nothing is logged", () =>
  logged(
    { supervision: Supervision.stop, settings: { linesLogged: 0 } },
    (pump, lines) =>
      Effect.gen(function*() {
        yield* Effect.exit(pump.Break())
        yield* Effect.exit(pump.Ping())
        yield* TestClock.adjust("10 seconds")
        yield* Effect.exit(pump.Ping())
        yield* ready
        expect(lines).toEqual([])
      })
  ))

it.effect("dead letters that are not logged are counted as a metric, too", () =>
  logged(
    { supervision: Supervision.stop, settings: { linesLogged: 1 } },
    (pump) =>
      Effect.gen(function*() {
        const counter = Metric.counter("plantd_dead_letters_total", { incremental: true })
        const before = (yield* Metric.value(counter)).count
        yield* Effect.exit(pump.Break())
        yield* Effect.repeatN(Effect.exit(pump.Ping()), 29)
        expect((yield* Metric.value(counter)).count).toBe(before + 30)
      })
  ))
