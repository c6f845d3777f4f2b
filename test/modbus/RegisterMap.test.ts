import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { RegisterMap } from "@plantd/example-modbus"
import { Effect, Either } from "effect"
import { pumpJson, pumpMap, withAttribute, withCommand } from "./maps.ts"

const faults = (change: object): ReadonlyArray<string> =>
  Either.match(RegisterMap.parse(pumpJson(change), "pump.json"), {
    onLeft: (error) => error.faults,
    onRight: () => []
  })

describe("a register map", () => {
  it("says what is there, with defaults for what it does not say", () => {
    const map = pumpMap({
      port: undefined,
      pollMillis: undefined,
      commands: {},
      onSilence: undefined
    })
    expect(map).toMatchObject({ port: 502, pollMillis: 1_000, gapMax: 0, commands: {} })
    expect(map.attributes["odd"]).toEqual({
      kind: "number",
      table: "input",
      address: 40,
      type: "float32",
      wordOrder: "high-first",
      scale: 1,
      offset: 0,
      unit: "",
      access: "read"
    })
  })

  it.each<[string, object, string]>([
    ["a device without a name", { device: "" }, "device: expected letters, digits and"],
    ["a missing host", { host: undefined }, "host is missing"],
    ["a port beyond all", { port: 70_000 }, "port: expected a whole number from 1 to 65535, got"],
    ["a unit that is none", { unitId: 1.5 }, "unitId: expected a whole number from 0 to 255"],
    [
      "polling too fast",
      { pollMillis: 1 },
      "pollMillis: expected a whole number from 10 to 3600000"
    ],
    ["a field too many", { hots: "x" }, "hots is unexpected"],
    ["no attributes", { attributes: undefined }, "attributes is missing"],
    ["attributes as a list", { attributes: 3 }, "attributes: expected attributes by their names"],
    [
      "a table that is none",
      withAttribute("flow", { table: "coils" }),
      'attributes.flow.table: expected holding or input, got "coils"'
    ],
    ["a kind that is none", withAttribute("flow", { kind: "nubmer" }), "attributes.flow.kind:"],
    [
      "a type that is none",
      withAttribute("flow", { type: "uint8" }),
      "attributes.flow.type: expec"
    ],
    [
      "an address beyond all",
      withAttribute("flow", { address: 65_536 }),
      "attributes.flow.address: expected a whole number from 0 to 65535, got 65536"
    ],
    [
      "half of a number",
      withAttribute("odd", { address: 65_535 }),
      "attributes.odd.address: type float32 takes two registers, and 65535 is the last one"
    ],
    [
      "a scale of nothing",
      withAttribute("flow", { scale: 0 }),
      "attributes.flow.scale: expected a n"
    ],
    [
      "half a range",
      withAttribute("flow", { range: [1] }),
      "attributes.flow.range: expected [min, m"
    ],
    [
      "a range upside down",
      withAttribute("flow", { range: [2, 1] }),
      "attributes.flow.range: 2 is not below 1"
    ],
    [
      "a range that cannot be written",
      withAttribute("speed", { range: [0, 70_000] }),
      "attributes.speed.range: 70000 does not fit into uint16"
    ],
    [
      "an input to write",
      withAttribute("flow", { access: "read-write" }),
      "attributes.flow.access: input can only be read; holding and coil can be written"
    ],
    [
      "a bit to write",
      withAttribute("alarm", { access: "read-write" }),
      "attributes.alarm.bit: it cannot be written without writing the other bits"
    ],
    [
      "a bit of a coil",
      withAttribute("running", { bit: 1, access: "read" }),
      "attributes.running.bit: coil holds single bits"
    ],
    [
      "a float to write of which nobody knows how near it is kept",
      withAttribute("speed", { type: "float32", range: undefined }),
      "attributes.speed.tolerance: a float32 that can be written needs it, or a range"
    ],
    [
      "a command seen by nothing",
      withCommand("stop", {
        writes: [{ table: "coil", address: 0, value: false }],
        verify: { attribute: "dosed", equals: true }
      }),
      'commands.stop.verify: the device has no attribute "dosed"'
    ],
    [
      "a command of which one part would be seen",
      withCommand("stop", { verify: { attribute: "running", equals: false } }),
      "commands.stop.verify: what shows one of several writes does not show the others"
    ],
    [
      "a command seen by what is no value",
      withCommand("dose", { verify: { attribute: "running", equals: {} } }),
      "commands.dose.verify.equals: expected a value, or a list of values, got {}"
    ],
    [
      "no words",
      withAttribute("mode", { values: {} }),
      "attributes.mode.values: expected at least"
    ],
    [
      "a number with two words",
      withAttribute("mode", { values: { a: -1, b: 65_535 } }),
      "attributes.mode.values: the same number twice"
    ],
    [
      "an attribute whose name is none",
      { attributes: { "a b": pumpMap().attributes["odd"] } },
      "attributes.a b: expected a letter or _"
    ],
    [
      "a command that only reads",
      withCommand("stop", { effect: "read" }),
      'commands.stop.effect: expected set or pulse, got "read"'
    ],
    ["a command whose name is taken", {
      commands: { read: pumpMap().commands["stop"] },
      onSilence: undefined
    }, "commands.read: the name is taken"],
    [
      "a command without writes",
      withCommand("stop", { writes: [] }),
      "commands.stop.writes: expected 1 to 16, got 0"
    ],
    [
      "writes that are no list",
      withCommand("stop", { writes: "x" }),
      'commands.stop.writes: expected a list of writes, got "x"'
    ],
    [
      "a write to an input",
      withCommand("stop", { writes: [{ table: "input", address: 1, value: 1 }] }),
      "commands.stop.writes.0.table"
    ],
    [
      "a write of nothing",
      withCommand("stop", { writes: [{ table: "coil", address: 1 }] }),
      "commands.stop.writes.0.value: expected either value or from"
    ],
    [
      "a value that does not fit",
      withCommand("stop", {
        writes: [{ table: "holding", address: 1, value: -1 }]
      }),
      "commands.stop.writes.0.value: -1 does not fit into uint16"
    ],
    [
      "a number for a coil",
      withCommand("stop", { writes: [{ table: "coil", address: 1, value: 1 }] }),
      "commands.stop.writes.0.value: expected true or false, got 1"
    ],
    [
      "a payload that nobody uses",
      withCommand("stop", { payload: { x: { kind: "boolean" } } }),
      "commands.stop.payload.x: no write uses it"
    ],
    [
      "a field that is not given",
      withCommand("stop", {
        writes: [{ table: "coil", address: 1, from: "x" }]
      }),
      'commands.stop.writes.0.from: the payload has no field "x"'
    ],
    [
      "a truth value for a register",
      withCommand("stop", {
        payload: { x: { kind: "boolean" } },
        writes: [{ table: "holding", address: 1, from: "x" }]
      }),
      "commands.stop.writes.0.from: x is of kind boolean, which does not fit into table holding"
    ],
    [
      "a field beyond its register",
      withCommand("stop", {
        payload: { x: { kind: "number", range: [0, 70_000] } },
        writes: [{ table: "holding", address: 1, from: "x" }]
      }),
      "commands.stop.writes.0.range: 70000 does not fit into uint16"
    ],
    [
      "a field without words",
      withCommand("stop", {
        payload: { x: { kind: "enum", values: {} } },
        writes: [{ table: "holding", address: 1, from: "x" }]
      }),
      "commands.stop.payload.x.values: expected at least one"
    ],
    [
      "silence without a command",
      { onSilence: { afterMillis: 1, command: "halt" } },
      'onSilence.command: there is no command "halt"'
    ],
    [
      "silence that would count",
      { onSilence: { afterMillis: 1, command: "dose" } },
      'onSilence.command: "dose" may have to be repeated: expected effect set and no payload'
    ]
  ])("is refused, naming the field: %s", (_, change, fault) => {
    const found = faults(change)
    expect(found.length).toBe(1)
    expect(found[0]).toContain(fault)
  })

  it("all faults are found at once, and some are told", () => {
    const change = { device: "", port: 0, unitId: -1, pollMillis: 0, host: "", gapMax: -1 }
    expect(faults(change).length).toBe(6)
    const error = Either.getOrThrow(Either.flip(RegisterMap.parse(pumpJson(change), "pump.json")))
    expect(error.message).toMatch(/^pump.json: device: .*; host: .*; pollMillis: .*; and 1 more$/)
    const one = Either.getOrThrow(Either.flip(RegisterMap.parse("{ nothing", "pump.json")))
    expect(one.message).toContain("pump.json: no JSON: ")
  })

  it.effect("is read from a file, and one that is not there is named", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const file = yield* files.makeTempFileScoped()
      yield* files.writeFileString(file, pumpJson())
      expect(yield* RegisterMap.load(file)).toEqual(pumpMap())
      const error = yield* Effect.flip(RegisterMap.load(`${file}.gone`))
      expect(error.message).toContain(`${file}.gone: unreadable`)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)))
})
