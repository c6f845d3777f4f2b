import { describe, expect, it } from "@effect/vitest"
import {
  Attribute,
  Command,
  Device,
  Driver,
  DriverStore,
  SimulatedTransport
} from "@plantd/hardware"
import { Effect, Exit, Schema, Scope } from "effect"
import { commands, rawNode, telemetry } from "./peers.ts"
import { handlersOf, makePlant, Pump } from "./pump.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])
const endpoints = { commands, telemetry }

/** A device whose command takes and gives whatever it likes. */
const Echo = Device.make("Echo", {
  config: Schema.Struct({}),
  attributes: { level: Attribute.boolean() },
  commands: {
    echo: Command.make({
      payload: { data: Schema.Unknown },
      success: Schema.Unknown,
      effect: "pulse"
    })
  }
})

const echoing = (result: (data: unknown) => unknown) =>
  Effect.gen(function*() {
    let runs = 0
    yield* Driver.serve(Echo, {
      read: { level: Effect.succeed(true) },
      commands: {
        echo: ({ data }) => Effect.sync(() => (runs++, result(data)))
      }
    }, { device: "p-1", ...endpoints, settings: { goodbyeMillis: 0 } })
    const node = yield* rawNode(commands)
    yield* node.ask("HELLO", { ...node.hello, description: null })
    const echo = (commandId: string, data: unknown) =>
      node.ask("INVOKE", { ...node.command(0), commandId, command: "echo", payload: { data } })
    return { echo, runs: () => runs }
  })

describe("content is compared as values:", () => {
  it.scoped.each<readonly [unknown, unknown, boolean]>([
    [{ a: 1, b: [2, null] }, { b: [2, null], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [[1, 2], [2, 1], false],
    [[[1], 2], [[1, 2]], false],
    ["1", 1, false],
    ["null", null, false],
    [Number.NaN, Number.NaN, true],
    [new Uint8Array([1]), new Uint8Array([1]), true],
    [new Uint8Array([1]), "0x01", false],
    ["x".repeat(5_000), "x".repeat(5_000), true],
    ["x".repeat(5_000), `${"x".repeat(4_999)}y`, false]
  ])("%j and %j: %j", ([first, second, same]) =>
    Effect.gen(function*() {
      const { echo, runs } = yield* echoing(() => null)
      yield* echo("a", first)
      expect((yield* echo("a", second)).kind).toBe(same ? "REPLY" : "ERROR")
      expect(runs()).toBe(1)
    }).pipe(simulated))
})

it.scoped("an answer that is too long to be kept is told once, and then that it was done", () =>
  Effect.gen(function*() {
    const { echo, runs } = yield* echoing(() => "x".repeat(20_000))
    expect((yield* echo("a", 1)).body).toEqual({ result: "x".repeat(20_000) })
    expect((yield* echo("a", 1)).body).toEqual({
      result: null,
      resultFault: expect.stringContaining("was too long to be kept")
    })
    expect(runs()).toBe(1)
  }).pipe(simulated))

describe("what is remembered is bounded:", () => {
  it.scoped("the last ones that ended, in the order in which they did", () =>
    Effect.gen(function*() {
      const plant = makePlant()
      yield* Driver.serve(Pump, handlersOf(plant), {
        device: "p-1",
        ...endpoints,
        settings: { goodbyeMillis: 0, commandsRemembered: 256 }
      })
      const node = yield* rawNode(commands)
      yield* node.ask("HELLO", node.hello)
      const prime = (commandId: string) => ({
        ...node.command(0),
        commandId,
        command: "prime",
        payload: { seconds: 3 }
      })
      for (let i = 0; i < 257; i++) {
        yield* node.ask("INVOKE", prime(`p${i}`))
      }
      expect(plant.primed).toBe(257)
      yield* node.ask("INVOKE", prime("p1"))
      expect(plant.primed).toBe(257)
      yield* node.ask("INVOKE", prime("p0"))
      expect(plant.primed).toBe(258)
    }).pipe(simulated))

  it.scoped("fewer than a node may rely on is a fault of the program", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const exit = yield* Effect.exit(
        Scope.extend(
          Driver.serve(Pump, handlersOf(makePlant()), {
            device: "p-1",
            ...endpoints,
            settings: { commandsRemembered: 255 }
          }),
          scope
        )
      )
      expect(String(Exit.isFailure(exit) && exit.cause)).toContain(
        "commandsRemembered: expected at least 256, got 255"
      )
    }).pipe(simulated))
})
