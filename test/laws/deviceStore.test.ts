import { SqliteClient } from "@effect/sql-sqlite-node"
import { expect, it } from "@effect/vitest"
import { Command, Epoch, Fence, Identifier } from "@plantd/core"
import { CommandJournal, DeviceStore, type DeviceStoreService } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Cause, Context, Effect, Exit, Layer } from "effect"
import * as fc from "fast-check"

type Write = (store: DeviceStoreService) => Effect.Effect<unknown, unknown>

/** A write, and what it is called where a program is shown that fails. */
interface Step {
  readonly text: string
  readonly write: Write
}

const devices = [{ type: "Pump", id: "p-1" }, { type: "Pump", id: "p-2" }] as const
const ids = ["a", "b", "c"] as const

const remark = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ud800", "a\u0000b"))
const json = fc.string({ unit: "binary" }).map((text) => JSON.stringify(text))
const session = fc.string({ unit: "grapheme" })
const fence = fc.nat(4).map((n) => Fence.Fence.make(n))
const time = fc.integer({ min: 0, max: 9 })
const device = fc.constantFrom(...devices)
// Mostly the highest, so that most of a program is written.
const holder = fc.record({
  device,
  fence: fc.oneof({ weight: 4, arbitrary: fc.constant(Fence.Fence.make(9)) }, fence)
})
const commandId = fc.constantFrom(...ids).map((id) => Identifier.CommandId.make(id))

const intent = fc.record({
  commandId,
  name: fc.constantFrom("prime", "write.speed"),
  args: json,
  effect: fc.constantFrom(...Command.Effect.literals),
  session,
  epoch: fc.nat(3).map((n) => Epoch.Epoch.make(n)),
  intentAt: time
}, { requiredKeys: ["commandId", "name", "args", "effect", "intentAt"] })

const later = CommandJournal.State.literals.filter((state) => state !== "executing")

const settlement = fc.record({
  state: fc.constantFrom(...later),
  detail: remark,
  result: json,
  settledBy: fc.constantFrom(...CommandJournal.SettledBy.literals),
  sentAt: time,
  outcomeAt: time
}, { requiredKeys: ["state", "outcomeAt"] })

const step = <A>(
  weight: number,
  given: fc.Arbitrary<A>,
  name: string,
  write: (value: A) => Write
) => ({
  weight,
  arbitrary: given.map((value): Step => ({
    text: `${name} ${JSON.stringify(value)}`,
    write: write(value)
  }))
})

const steps = fc.oneof(
  step(
    1,
    fc.record({ device, fence: fc.option(fence, { nil: undefined }) }),
    "claim",
    (given) => (store) => store.claim(given.device, { fence: given.fence })
  ),
  step(
    4,
    fc.tuple(holder, intent),
    "intend",
    ([by, given]) => (store) => store.intend(by, given)
  ),
  step(
    2,
    fc.tuple(holder, fc.record({ commandId, sentAt: time })),
    "sent",
    ([by, given]) => (store) => store.sent(by, given)
  ),
  step(
    6,
    fc.tuple(holder, commandId, settlement),
    "settle",
    ([by, id, given]) => (store) => store.settle(by, id, given)
  ),
  step(
    1,
    fc.tuple(holder, fc.record({ before: time, keep: fc.nat(3) })),
    "forget",
    ([by, given]) => (store) => store.forget(by, given)
  ),
  step(
    2,
    fc.tuple(
      holder,
      fc.array(fc.record({ alarm: fc.constantFrom("flow.high", "link"), value: json }), {
        maxLength: 3
      })
    ),
    "saveAlarms",
    ([by, given]) => (store) => store.saveAlarms(by, given)
  ),
  step(
    1,
    fc.tuple(holder, fc.option(fc.record({ session, expiresAt: time }), { nil: undefined })),
    "saveLease",
    ([by, given]) => (store) => store.saveLease(by, given)
  ),
  step(
    1,
    fc.tuple(
      holder,
      fc.option(fc.record({ by: remark, reason: remark, at: time }), { nil: undefined })
    ),
    "saveOutOfService",
    ([by, given]) => (store) => store.saveOutOfService(by, given)
  )
)

/** Groups of writes that are made at once, each by one of two stores on the same database. */
const program = fc.array(fc.tuple(fc.boolean(), fc.array(steps, { minLength: 1, maxLength: 6 })), {
  maxLength: 8
})

/** An answer as a value: the order of alarms is not promised. */
const answerOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const value = Exit.match(exit, {
    onFailure: (cause) => JSON.stringify(Cause.squash(cause)),
    onSuccess: (answer) => answer
  })
  return typeof value === "object" && value !== null && "alarms" in value
    ? { ...value, alarms: new Set(value.alarms as ReadonlyArray<unknown>) }
    : value
}

const answersOf = (
  given: ReadonlyArray<readonly [boolean, ReadonlyArray<Step>]>,
  [one, other]: readonly [DeviceStoreService, DeviceStoreService]
) =>
  Effect.forEach(given, ([first, group]) =>
    Effect.gen(function*() {
      const store = first ? one : other
      const answers = yield* Effect.forEach(group, ({ write }) => Effect.exit(write(store)), {
        concurrency: "unbounded"
      })
      const seen = yield* Effect.forEach(devices, (of) =>
        Effect.all([
          store.history(of, { limit: 2 }),
          store.history(of, { before: "b", limit: 10 }),
          store.find(of, "a")
        ]))
      return { answers: answers.map(answerOf), seen }
    }))

const inMemory = Effect.map(
  Effect.provide(DeviceStore, DeviceStore.layerMemory),
  (store) => [store, store] as const
)

const onSqlite = Effect.gen(function*() {
  const client = yield* Layer.build(SqliteClient.layer({ filename: ":memory:" }))
  const store = Effect.map(
    Effect.provide(Layer.build(SqlDeviceStore.layer), client),
    (services) => Context.get(services, DeviceStore)
  )
  return yield* Effect.all([store, store])
})

it(
  "every program of writes gets the same answers from a store in memory and on SQLite",
  async () => {
    const shown = program.map((groups) => ({
      groups,
      toString: () =>
        groups.map(([, group]) => group.map(({ text }) => text).join("\n")).join("\n\n")
    }))
    await fc.assert(
      fc.asyncProperty(shown, async ({ groups }) => {
        const both = Effect.all([
          Effect.flatMap(inMemory, (stores) => answersOf(groups, stores)),
          Effect.flatMap(onSqlite, (stores) => answersOf(groups, stores))
        ])
        const [expected, found] = await Effect.runPromise(Effect.scoped(both))
        expect(found).toEqual(expected)
      }),
      { numRuns: 200 }
    )
  },
  60_000
)
