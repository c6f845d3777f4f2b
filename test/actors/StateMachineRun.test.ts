import { describe, expect, it } from "@effect/vitest"
import { ActorContext, Supervision } from "@plantd/actors"
import { turnsQueuedMax } from "@plantd/actors/ActorContext"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Deferred, Effect, Exit, Fiber, Option, TestClock } from "effect"
import { address, common, Light, lights, oneLight, told, walk } from "./light.ts"

const { event, goto, postpone, stay, stop } = StateMachine

describe("states", () => {
  it.effect("a state is entered at the start, a change and a repeat, not when it stays", () => {
    const log: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: {
          entry: ({ data, from }) => {
            log.push(`${from}>Red ${data}`)
            return stay({ data: data + 1 })
          }
        },
        Green: {
          entry: ({ data, from }) => Effect.sync(() => void log.push(`${from}>Green ${data}`))
        },
        Amber: {}
      },
      common: { ...common, Walk: walk },
      onTransition: ({ data, from, to }) =>
        Effect.sync(() => void log.push(`${from}-${to} ${data}`))
    })
    return oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
      Effect.gen(function*() {
        yield* light.Keep()
        expect(log.splice(0)).toEqual(["Red-Red 0", "Red>Red 0"])
        yield* light.Go({ to: "Red" })
        expect(log.splice(0)).toEqual([])
        yield* light.Again()
        expect(log.splice(0)).toEqual(["Red-Red 1", "Red>Red 1"])
        yield* light.Go({ to: "Green" })
        expect(log.splice(0)).toEqual(["Red-Green 2", "Red>Green 2"])
        yield* light.Go({ to: "Amber" })
        expect(log.splice(0)).toEqual(["Green-Amber 2"])
        expect(yield* light.Walk({ who: "ann" })).toBe("ann at Amber")
      }))
  })

  it.effect("a typed error is the answer, and the machine stays as it was", () => {
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: {} },
      common: { ...common, Walk: walk }
    })
    return oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
      Effect.gen(function*() {
        yield* light.Go({ to: "Green" })
        expect(yield* Effect.flip(light.Refuse())).toBe("no")
        expect(yield* light.Walk({ who: "ann" })).toBe("ann at Green")
      }))
  })

  it.effect("the machine can end its actor, with an answer", () => {
    const ended: Array<unknown> = []
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: {} },
      common: { ...common, Walk: () => stop({ reply: "bye", data: 7 }) },
      terminate: (reason, { data }) => Effect.sync(() => void ended.push([reason, data]))
    })
    return oneLight(
      Light.toLayer(StateMachine.build(Lights)),
      (light, system) =>
        Effect.gen(function*() {
          const watching = yield* Effect.fork(system.watch(address))
          expect(yield* light.Walk({ who: "ann" })).toBe("bye")
          yield* Fiber.join(watching)
          expect(ended).toEqual([["stopped", 7]])
        })
    )
  })
})

describe("time", () => {
  const timed = (log: Array<string>, gate: Effect.Effect<void>) =>
    StateMachine.make(Light, { ...lights, timers: ["bell"] }, {
      states: {
        Red: {
          timeout: { after: "1 second", run: () => goto("Green") },
          on: { Walk: () => Effect.as(gate, goto("Amber", { reply: "amber" })) }
        },
        Green: {
          idle: { after: (data) => 1_000 + data, run: () => goto("Amber") },
          timers: {
            bell: () => {
              log.push("green bell")
              return stay()
            }
          },
          on: {
            Walk: ({ who }) =>
              who === "nobody"
                ? stay({ reply: "", cancel: ["bell"] })
                : stay({ reply: "", start: { bell: "1500 millis" } })
          }
        },
        Amber: { on: { Walk: () => stay({ reply: "", start: { bell: "1500 millis" } }) } }
      },
      common,
      timers: { bell: ({ state }) => Effect.sync(() => (log.push(`bell at ${state}`), stay())) },
      onTransition: ({ to }) => Effect.sync(() => void log.push(to))
    })

  it.effect("a state's timeout comes once; it restarts at a repeat, not at a stay", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(timed(log, Effect.void))),
      (light) =>
        Effect.gen(function*() {
          yield* light.Keep()
          yield* TestClock.adjust("900 millis")
          yield* light.Keep()
          yield* light.Go({ to: "Red" })
          yield* light.Again()
          yield* TestClock.adjust("900 millis")
          yield* light.Keep()
          expect(log).toEqual(["Red", "Red"])
          yield* TestClock.adjust("100 millis")
          expect(log).toEqual(["Red", "Red", "Green"])
        })
    )
  })

  it.effect("the timeout of a state that was left never comes, even if it was due", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Lights = timed(log, Deferred.await(gate))
      yield* oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
        Effect.gen(function*() {
          const walking = yield* Effect.fork(light.Walk({ who: "ann" }))
          yield* TestClock.adjust("1 second")
          yield* Deferred.succeed(gate, undefined)
          expect(yield* Fiber.join(walking)).toBe("amber")
          yield* light.Keep()
          yield* TestClock.adjust("1 hour")
          yield* light.Keep()
          expect(log).toEqual(["Red", "Amber"])
        }))
    })
  })

  it.effect("an idle timeout is put off by every message, and computed from the data", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(timed(log, Effect.void))),
      (light) =>
        Effect.gen(function*() {
          yield* light.Go({ to: "Green" })
          yield* TestClock.adjust("900 millis")
          yield* light.Keep()
          yield* TestClock.adjust("900 millis")
          yield* Effect.flip(light.Refuse())
          yield* TestClock.adjust("900 millis")
          yield* light.Keep()
          expect(log).toEqual(["Red", "Green"])
          yield* TestClock.adjust("1 second")
          yield* light.Keep()
          expect(log).toEqual(["Red", "Green", "Amber"])
        })
    )
  })

  it.effect("a named timer outlives its state, and is handled by the state it comes in", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(timed(log, Effect.void))),
      (light) =>
        Effect.gen(function*() {
          yield* light.Go({ to: "Green" })
          yield* light.Walk({ who: "ann" })
          yield* TestClock.adjust("500 millis")
          yield* light.Walk({ who: "ann" })
          yield* light.Go({ to: "Amber" })
          yield* TestClock.adjust("1 second")
          yield* light.Keep()
          expect(log.splice(0)).toEqual(["Red", "Green", "Amber"])
          yield* TestClock.adjust("500 millis")
          yield* light.Keep()
          expect(log.splice(0)).toEqual(["bell at Amber"])
          yield* light.Walk({ who: "ann" })
          yield* TestClock.adjust("1 second")
          yield* light.Go({ to: "Green" })
          yield* TestClock.adjust("500 millis")
          yield* light.Keep()
          expect(log.splice(0)).toEqual(["Green", "green bell"])
          yield* light.Walk({ who: "ann" })
          yield* light.Walk({ who: "nobody" })
          yield* light.Go({ to: "Amber" })
          yield* TestClock.adjust("1 hour")
          yield* light.Keep()
          expect(log).toEqual(["Amber"])
        })
    )
  })
})

describe("postponing", () => {
  const waiting = (log: Array<string>) =>
    StateMachine.make(Light, lights, {
      states: {
        Red: { postpone: ["Walk"] },
        Green: {
          on: {
            Walk: ({ who }) => {
              log.push(who)
              return who === "away" ? goto("Amber", { reply: who }) : stay({ reply: who })
            }
          }
        },
        Amber: {
          on: {
            Walk: ({ who }, { data }) => {
              log.push(`${who}?`)
              return who === "back" ? postpone({ goto: "Green", data: data + 1 }) : postpone()
            }
          }
        }
      },
      common
    })

  it.effect("after a change of state postponed messages come, oldest first, before newer", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(waiting(log))),
      (light) =>
        Effect.gen(function*() {
          const first = yield* Effect.fork(light.Walk({ who: "1" }))
          yield* Effect.yieldNow()
          yield* light.Walk({ who: "2" }, told)
          yield* light.Again()
          yield* light.Go({ to: "Red" })
          expect(log).toEqual([])
          yield* light.Go({ to: "Green" }, told)
          yield* light.Walk({ who: "3" }, told)
          expect(yield* light.Walk({ who: "4" })).toBe("4")
          expect(log).toEqual(["1", "2", "3", "4"])
          expect(yield* Fiber.join(first)).toBe("1")
        })
    )
  })

  it.effect("what is postponed again keeps its place before what was not tried yet", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(waiting(log))),
      (light) =>
        Effect.gen(function*() {
          for (const who of ["1", "away", "2", "3"]) yield* light.Walk({ who }, told)
          yield* light.Go({ to: "Green" })
          yield* light.Keep()
          expect(log.splice(0)).toEqual(["1", "away", "2?", "3?"])
          yield* light.Go({ to: "Green" }, told)
          expect(yield* light.Walk({ who: "4" })).toBe("4")
          expect(log).toEqual(["2", "3", "4"])
        })
    )
  })

  it.effect("what is postponed with a change of state comes behind older, before newer", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(waiting(log))),
      (light) =>
        Effect.gen(function*() {
          yield* light.Go({ to: "Amber" })
          for (const who of ["1", "2", "back", "3"]) yield* light.Walk({ who }, told)
          expect(yield* light.Walk({ who: "4" })).toBe("4")
          expect(log).toEqual(["1?", "2?", "back?", "1", "2", "back", "3", "4"])
        })
    )
  })

  it.effect("a replay that could not be queued does not hold up the messages after it", () => {
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: {
          on: {
            Walk: () =>
              Effect.gen(function*() {
                const { inTurn } = yield* ActorContext
                yield* Effect.replicateEffect(inTurn(Effect.void), turnsQueuedMax)
                return postpone({ goto: "Green" })
              })
          }
        },
        Green: { on: { Walk: walk } },
        Amber: { on: { Walk: walk } }
      },
      common
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { supervision: Supervision.resume })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        expect((yield* Effect.flip(light.Walk({ who: "ann" }))).message).toMatch(/turnsQueuedMax/)
        const next = yield* Effect.fork(light.Walk({ who: "bob" }))
        yield* TestClock.adjust("1 minute")
        expect(yield* Fiber.poll(next)).toEqual(Option.some(Exit.succeed("bob at Green")))
      }))
  })

  it.effect("a newer message cannot overtake one that was postponed with a change of state", () => {
    const log: Array<string> = []
    return Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Lights = StateMachine.make(Light, { ...lights, timers: ["bell"] }, {
        states: {
          Red: {
            entry: () => stay({ start: { bell: "1 second" } }),
            on: {
              Walk: () => Effect.as(Deferred.await(gate), postpone({ goto: "Green" }))
            }
          },
          Green: {
            on: {
              Walk: ({ who }) => {
                log.push(who)
                return stay({ reply: who })
              }
            }
          },
          Amber: { postpone: ["Walk"] }
        },
        common,
        timers: { bell: () => Effect.sync(() => (log.push("bell"), stay())) }
      })
      yield* oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
        Effect.gen(function*() {
          yield* light.Walk({ who: "1" }, told)
          yield* TestClock.adjust("1 second")
          yield* light.Walk({ who: "2" }, told)
          yield* Deferred.succeed(gate, undefined)
          expect(yield* light.Walk({ who: "3" })).toBe("3")
          expect(log).toEqual(["bell", "1", "2", "3"])
        }))
    })
  })

  it.effect("a postponed ask keeps its deadline, and is not handled after it", () => {
    const log: Array<string> = []
    return oneLight(
      Light.toLayer(StateMachine.build(waiting(log))),
      (light) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(
            Effect.flip(light.Walk({ who: "1" }, { timeout: "1 second" }))
          )
          yield* TestClock.adjust("1 second")
          expect(yield* Fiber.join(asking)).toMatchObject({ _tag: "AskTimeout", tag: "Walk" })
          yield* light.Go({ to: "Green" })
          expect(log).toEqual([])
        })
    )
  })

  it.effect("more postponed messages than the stash holds are refused", () => {
    const layer = Light.toLayer(StateMachine.build(waiting([])), { stash: { capacity: 1 } })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        yield* light.Walk({ who: "1" }, told)
        const refused = yield* Effect.flip(light.Walk({ who: "2" }))
        expect(refused).toMatchObject({ _tag: "StashFull", capacity: 1 })
      }))
  })
})

describe("inserted events", () => {
  it.effect("they are handled before newer messages; what they answer goes nowhere", () => {
    const log: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: {
          on: {
            Go: ({ to }) =>
              goto(to, {
                next: [event("Walk", { who: "a" }), event("Refuse"), event("Walk", { who: "b" })]
              })
          }
        },
        Green: {},
        Amber: {}
      },
      common: {
        ...common,
        Walk: ({ who }, { state }) => {
          log.push(`${who} at ${state}`)
          return who === "a"
            ? stay({ reply: "", next: [event("Walk", { who: "a'" })] })
            : walk({ who }, { state })
        }
      }
    })
    return oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
      Effect.gen(function*() {
        yield* light.Go({ to: "Green" }, told)
        expect(yield* light.Walk({ who: "c" })).toBe("c at Green")
        expect(log).toEqual(["a at Green", "a' at Green", "b at Green", "c at Green"])
      }))
  })

  it.effect("an inserted event can be postponed, and comes before postponed messages", () => {
    const log: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: {
        Red: {
          postpone: ["Walk"],
          on: { Keep: () => stay({ next: [event("Walk", { who: "x" })] }) }
        },
        Green: {
          on: {
            Walk: ({ who }) => {
              log.push(who)
              return stay({ reply: who })
            }
          }
        },
        Amber: { postpone: ["Walk"] }
      },
      common
    })
    return oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
      Effect.gen(function*() {
        yield* light.Walk({ who: "1" }, told)
        yield* light.Keep()
        yield* light.Go({ to: "Amber" })
        expect(log).toEqual([])
        yield* light.Go({ to: "Green" })
        yield* light.Keep()
        expect(log).toEqual(["x", "1"])
      }))
  })

  it.effect("after a crash that is survived, what the message inserted is lost with it", () => {
    const log: Array<string> = []
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: {} },
      common: {
        ...common,
        Keep: () => stay({ next: [event("Break"), event("Walk", { who: "lost" })] }),
        Walk: ({ who }) => {
          log.push(who)
          return stay({ reply: who })
        }
      }
    })
    const layer = Light.toLayer(StateMachine.build(Lights), { supervision: Supervision.resume })
    return oneLight(layer, (light) =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(light.Keep())).toMatchObject({ _tag: "ActorCrashed" })
        yield* light.Walk({ who: "ann" })
        expect(log).toEqual(["ann"])
      }))
  })

  it.effect("events without end are a crash that names state and tag", () => {
    const Lights = StateMachine.make(Light, lights, {
      states: { Red: {}, Green: {}, Amber: {} },
      common: { ...common, Keep: () => stay({ next: [event("Keep")] }), Walk: walk }
    })
    return oneLight(Light.toLayer(StateMachine.build(Lights)), (light) =>
      Effect.gen(function*() {
        const crashed = yield* Effect.flip(light.Keep())
        expect(crashed.message).toMatch(/state Red inserts Keep without end: more than 1024/)
      }))
  })
})
