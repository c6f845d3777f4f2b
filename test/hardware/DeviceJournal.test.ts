import { describe, expect, it } from "@effect/vitest"
import { DeviceStore } from "@plantd/hardware"
import { Context, Effect, Fiber, Stream, TestClock } from "effect"
import { inTime, settle, until } from "./peers.ts"
import { endpoints, simulated } from "./rig.ts"

import { online, rig, settledAs } from "./valveRig.ts"

describe("a command that nobody answers", () => {
  it.scoped("is, of a pulse, unknown and never sent twice, and what is seen settles it", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "from-bound")
      const turn = yield* Effect.fork(
        Effect.flip(valve.turn({ times: 1 }, { commandId: "t-1" }))
      )
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(turn)).toMatchObject({ _tag: "OutcomeUnknown", commandId: "t-1" })
      expect((yield* valve.journal.outcome("t-1")).state).toBe("outcome-unknown")
      yield* network.heal(endpoints.commands)
      yield* settledAs(valve, "t-1", "succeeded")
      expect(yield* valve.journal.outcome("t-1")).toMatchObject({ settledBy: "verify" })
      expect(plant.turns).toBe(1)
    }).pipe(simulated))

  it.scoped("has failed where the device shows that it was not carried out", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "to-bound")
      const turn = yield* Effect.fork(
        Effect.flip(valve.turn({ times: 1 }, { commandId: "t-1" }))
      )
      yield* settle
      yield* TestClock.adjust("1100 millis")
      yield* Fiber.join(turn)
      // One that is never sent is none that came after it.
      yield* Effect.flip(valve.turn({ times: 1 }, { expectedEpoch: 99 }))
      yield* network.heal(endpoints.commands)
      yield* settledAs(valve, "t-1", "failed")
      expect(yield* valve.journal.outcome("t-1")).toMatchObject({
        settledBy: "verify",
        detail: "it was not carried out, by what turned reads"
      })
      expect(plant.turns).toBe(0)
    }).pipe(simulated))

  it.scoped("is for a person to decide where nothing tells of it", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "from-bound")
      const knock = yield* Effect.fork(Effect.flip(valve.knock({ commandId: "k-1" })))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(knock))._tag).toBe("OutcomeUnknown")
      yield* settledAs(valve, "k-1", "unresolved")
      const alarm = Effect.map(
        valve.alarms.list,
        (all) => all.find(({ alarm }) => alarm === "unresolved")?.state
      )
      expect(yield* alarm).toBe("active-unacked")
      const resolved = yield* valve.journal.resolve({
        commandId: "k-1",
        outcome: "succeeded",
        by: "ann",
        note: "heard it"
      })
      expect(resolved).toMatchObject({
        state: "succeeded",
        settledBy: "person",
        detail: "ann decided: heard it"
      })
      expect(yield* alarm).toBe("cleared-unacked")
      const again = yield* Effect.flip(
        valve.journal.resolve({ commandId: "k-1", outcome: "failed", by: "bob" })
      )
      expect(again).toMatchObject({ _tag: "CommandNotOpen", state: "succeeded" })
      expect(plant.knocks).toBe(1)
    }).pipe(simulated))

  it.scoped("is read back, of a write, within its time", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "from-bound")
      const write = yield* Effect.fork(valve.write.opening(40, { commandId: "w-1" }))
      yield* settle
      yield* TestClock.adjust("2600 millis")
      yield* network.heal(endpoints.commands)
      yield* inTime("it is answered", Effect.map(Fiber.poll(write), ({ _tag }) => _tag === "Some"))
      yield* Fiber.join(write)
      expect(yield* valve.journal.outcome("w-1")).toMatchObject({
        state: "succeeded",
        settledBy: "readback"
      })
      expect(plant.written).toEqual([40])
    }).pipe(simulated))

  it.scoped("is written again where the device does not read as it was set", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "to-bound")
      const write = yield* Effect.fork(valve.write.opening(40, { commandId: "w-1" }))
      yield* settle
      yield* TestClock.adjust("2 seconds")
      plant.opening = 7
      yield* network.heal(endpoints.commands)
      yield* inTime("it is answered", Effect.map(Fiber.poll(write), ({ _tag }) => _tag === "Some"))
      yield* Fiber.join(write)
      expect(plant.opening).toBe(40)
      expect(plant.written.every((value) => value === 40)).toBe(true)
      expect(yield* valve.journal.outcome("w-1")).toMatchObject({ state: "succeeded" })
    }).pipe(simulated))

  it.scoped("is sent again, of a command that only reads", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "from-bound")
      const count = yield* Effect.fork(valve.count())
      yield* settle
      yield* TestClock.adjust("400 millis")
      yield* network.heal(endpoints.commands)
      yield* inTime("it is answered", Effect.map(Fiber.poll(count), ({ _tag }) => _tag === "Some"))
      yield* Fiber.join(count)
      expect(plant.counts).toBeGreaterThan(0)
      expect(yield* valve.journal.history()).toEqual([])
    }).pipe(simulated))
})

describe("when a command was sent", () => {
  it.scoped("is stored with its answer, and by itself where none comes soon", () =>
    Effect.gen(function*() {
      const { network, store, valve } = yield* rig
      const journal = Context.get(store, DeviceStore)
      const sentAt = (id: string) =>
        Effect.map(journal.find({ type: "Valve", id: "v-1" }, id), (record) => record?.sentAt)
      yield* valve.turn({ times: 1 }, { commandId: "t-1" })
      expect(yield* sentAt("t-1")).toEqual(expect.any(Number))
      yield* network.cut(endpoints.commands, "from-bound")
      const fiber = yield* Effect.fork(valve.turn({ times: 1 }, { commandId: "t-2" }))
      yield* settle
      expect((yield* valve.journal.outcome("t-2")).state).toBe("executing")
      const before = yield* sentAt("t-2")
      yield* inTime("it is stored", Effect.map(sentAt("t-2"), (at) => at !== undefined))
      expect(before).toBeUndefined()
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
    }).pipe(simulated))
})

describe("the id of a command", () => {
  it.scoped("is answered by what became of it, also in the actor's next life", () =>
    Effect.gen(function*() {
      const { plant, system, valve } = yield* rig
      expect(yield* valve.turn({ times: 2 }, { commandId: "t-1" })).toBe(2)
      expect(yield* valve.turn({ times: 2 }, { commandId: "t-1" })).toBe(2)
      yield* system.stop({ type: "Valve", id: "v-1" })
      yield* online(valve)
      expect(yield* valve.turn({ times: 2 }, { commandId: "t-1" })).toBe(2)
      expect(plant.turns).toBe(2)
    }).pipe(simulated))

  it.scoped("stands for one command and its arguments alone", () =>
    Effect.gen(function*() {
      const { plant, valve } = yield* rig
      yield* valve.turn({ times: 1 }, { commandId: "t-1" })
      const other = yield* Effect.flip(valve.turn({ times: 2 }, { commandId: "t-1" }))
      expect(other).toMatchObject({ _tag: "CommandRejected", reason: "duplicate-mismatch" })
      expect(plant.turns).toBe(1)
      const strange = yield* Effect.flip(valve.knock({ commandId: "no spaces" }))
      expect(strange).toMatchObject({ _tag: "CommandRejected", reason: "validation" })
    }).pipe(simulated))

  it.scoped("is answered so where a new command would be refused", () =>
    Effect.gen(function*() {
      const { driver, plant, valve } = yield* rig
      expect(yield* valve.turn({ times: 2 }, { commandId: "t-1" })).toBe(2)
      yield* valve.lifecycle.deactivate({ by: "ann" })
      yield* driver.publish({ level: 9 })
      expect(yield* valve.turn({ times: 2 }, { commandId: "t-1" })).toBe(2)
      expect(yield* Effect.flip(valve.turn({ times: 2 }, { commandId: "t-2" }))).toMatchObject({
        _tag: "CommandRejected",
        reason: "state"
      })
      expect(plant.turns).toBe(2)
    }).pipe(simulated))

  it.scoped("given twice at a time is one command with one answer", () =>
    Effect.gen(function*() {
      const { plant, valve } = yield* rig
      const turn = valve.turn({ times: 1 }, { commandId: "t-1" })
      expect(yield* Effect.all([turn, turn], { concurrency: 2 })).toEqual([1, 1])
      expect(plant.turns).toBe(1)
    }).pipe(simulated))

  it.scoped("that was never sent is not found", () =>
    Effect.gen(function*() {
      const { valve } = yield* rig
      expect(yield* Effect.flip(valve.journal.outcome("never"))).toMatchObject({
        _tag: "CommandNotFound",
        commandId: "never"
      })
    }).pipe(simulated))
})

describe("who may command", () => {
  it.scoped("is who has the lease; an emergency is everyone's", () =>
    Effect.gen(function*() {
      const { plant, system, valve } = yield* rig
      yield* valve.lease.acquire({ session: "ann", ttl: "10 seconds" })
      const held = yield* Effect.flip(valve.lease.acquire({ session: "bob", ttl: "1 second" }))
      expect(held).toMatchObject({ _tag: "LeaseHeld", session: "ann" })
      const refused = yield* Effect.flip(valve.write.opening(5, { session: "bob" }))
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "not-owner" })
      yield* valve.write.opening(5, { session: "ann" })
      yield* valve.close()
      expect([plant.opening, plant.closed]).toEqual([5, 1])
      // It outlives the actor, and ends by itself.
      yield* system.stop({ type: "Valve", id: "v-1" })
      yield* online(valve)
      expect(yield* valve.lease.holder).toMatchObject({ session: "ann" })
      yield* TestClock.adjust("10 seconds")
      expect(yield* valve.lease.holder).toBeUndefined()
      yield* online(valve)
      yield* valve.write.opening(6, { session: "bob" })
      yield* valve.lease.acquire({ session: "bob", ttl: "10 seconds" })
      yield* valve.lease.release({ session: "ann" })
      expect(yield* valve.lease.holder).toMatchObject({ session: "bob" })
      yield* valve.lease.release({ session: "bob" })
      expect(yield* valve.lease.holder).toBeUndefined()
    }).pipe(simulated))

  it.scoped("is nobody while the device is out of service, also after a restart", () =>
    Effect.gen(function*() {
      const { plant, system, valve } = yield* rig
      expect((yield* valve.lifecycle.state).state).toBe("active")
      yield* valve.lifecycle.deactivate({ by: "ann", reason: "cleaning" })
      yield* system.stop({ type: "Valve", id: "v-1" })
      yield* online(valve)
      expect(yield* valve.lifecycle.state).toMatchObject({
        state: "inactive",
        by: "ann",
        reason: "cleaning"
      })
      const refused = yield* Effect.flip(valve.knock())
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "state" })
      expect(refused.message).toContain("taken out of service by ann: cleaning")
      yield* valve.close()
      yield* valve.lifecycle.activate({ by: "ann" })
      yield* valve.knock()
      expect([plant.closed, plant.knocks]).toEqual([1, 1])
    }).pipe(simulated))

  it.scoped("is nobody who means another epoch of the device process", () =>
    Effect.gen(function*() {
      const { valve } = yield* rig
      const refused = yield* Effect.flip(valve.knock({ expectedEpoch: 99 }))
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "state" })
      const { epoch = 0 } = yield* valve.link
      yield* valve.knock({ expectedEpoch: epoch })
    }).pipe(simulated))
})

describe("an interlock", () => {
  it.scoped("blocks what it names, and gives its command once for each trip", () =>
    Effect.gen(function*() {
      const { driver, plant, valve } = yield* rig
      yield* valve.write.opening(10)
      yield* driver.publish({ level: 3.5 })
      yield* until("it is closed", Effect.sync(() => plant.closed === 1))
      const refused = yield* Effect.flip(valve.write.opening(20))
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "interlock" })
      expect(refused.message).toContain("interlock flood: level is above 3")
      yield* valve.knock()
      yield* driver.publish({ level: 3.6 })
      yield* driver.publish({ level: { value: null, quality: "bad" } })
      yield* until(
        "the level is bad",
        Effect.map(valve.snapshot, ({ level }) => level.quality === "bad")
      )
      const blind = yield* Effect.flip(valve.write.opening(20))
      expect(blind.message).toContain("interlock flood cannot be judged: level is bad")
      yield* driver.publish({ level: 3.7 })
      yield* settle
      expect(plant.closed).toBe(1)
      yield* driver.publish({ level: 1 })
      yield* until("the level is low", Effect.map(valve.snapshot, ({ level }) => level.value === 1))
      yield* valve.write.opening(20)
      yield* driver.publish({ level: 4 })
      yield* until("it is closed again", Effect.sync(() => plant.closed === 2))
    }).pipe(simulated))
})

describe("the queue of a device", () => {
  it.scoped("gives a command back that is cancelled before its turn", () =>
    Effect.gen(function*() {
      const { plant, valve } = yield* rig
      plant.gate = Effect.never
      yield* Effect.fork(valve.write.opening(1))
      yield* settle
      const second = yield* Effect.fork(
        Effect.flip(valve.write.opening(2, { commandId: "w-2" }))
      )
      yield* settle
      expect((yield* valve.journal.outcome("w-2")).state).toBe("queued")
      expect(yield* valve.journal.cancel("w-2")).toMatchObject({ state: "cancelled" })
      expect(yield* Fiber.join(second)).toMatchObject({ _tag: "CommandCancelled" })
      expect(plant.written).toEqual([])
    }).pipe(simulated))

  it.scoped("tells of each command from its acceptance to its end", () =>
    Effect.gen(function*() {
      const { valve } = yield* rig
      const seen: Array<string> = []
      const fiber = yield* Effect.fork(
        Stream.runForEach(valve.journal.changes, ({ name, state }) =>
          Effect.sync(() => seen.push(`${name} ${state}`)))
      )
      yield* settle
      yield* valve.knock()
      yield* settle
      yield* Fiber.interrupt(fiber)
      expect(seen).toEqual(["knock queued", "knock executing", "knock succeeded"])
      const [newest] = yield* valve.journal.history()
      expect(newest).toMatchObject({ name: "knock", state: "succeeded", settledBy: "answer" })
    }).pipe(simulated))
})

describe("a node that was superseded", () => {
  it.scoped("sends nothing any more, and its actor stops", () =>
    Effect.gen(function*() {
      const { plant, store, system, valve } = yield* rig
      yield* Context.get(store, DeviceStore).claim({ type: "Valve", id: "v-1" }, {
        fence: undefined
      })
      const ended = yield* Effect.fork(system.watch({ type: "Valve", id: "v-1" }))
      yield* settle
      const refused = yield* Effect.flip(valve.knock())
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "stale-fence" })
      expect(yield* Fiber.join(ended)).toMatchObject({ reason: "superseded" })
      expect(plant.knocks).toBe(0)
    }).pipe(simulated))
})
