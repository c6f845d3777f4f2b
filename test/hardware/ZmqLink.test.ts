import { describe, expect, it } from "@effect/vitest"
import { SimulatedNetwork, SimulatedTransport } from "@plantd/hardware"
import { Effect, Fiber, Metric, TestClock } from "effect"
import { commands, openLink, rawDriver, settle, telemetry, until } from "./peers.ts"

const utf8 = new TextEncoder()
const simulated = Effect.provide(SimulatedTransport.layer)
const options = (deadlineMillis: number) =>
  ({ commandId: "c-1", deadlineMillis, effect: "set" }) as const

/** A driver by hand and a link in session with it. */
const session = Effect.gen(function*() {
  const driver = yield* rawDriver
  const opened = yield* openLink()
  const hello = yield* driver.accept()
  yield* opened.reaches("online")
  yield* until("the snapshot is there", Effect.sync(() => opened.told.snapshots.length > 0))
  return { driver, hello, ...opened }
})

const flips = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.flip(Fiber.join(fiber))

describe("a session", () => {
  it.scoped("begins with HELLO and READY, and brings a snapshot", () =>
    Effect.gen(function*() {
      const { hello, link, states, told } = yield* session
      expect(hello.request.body).toMatchObject({ protocol: [1], device: "p-1", node: "test" })
      expect(states()).toEqual(["connecting", "online"])
      expect(told.snapshots[0]?.samples).toMatchObject([{ index: 0, value: 1 }])
      expect(yield* link.status).toMatchObject({ epoch: 1, counters: { sessions: 1 } })
    }).pipe(simulated))

  it.scoped("is tried for until the device process is there", () =>
    Effect.gen(function*() {
      const { reaches } = yield* openLink()
      yield* TestClock.adjust("10 seconds")
      yield* reaches("connecting")
      const driver = yield* rawDriver
      yield* Effect.forkScoped(driver.accept())
      yield* TestClock.adjust("3 seconds")
      yield* reaches("online")
    }).pipe(simulated))

  it.scoped("stays while both paths are alive, and its heartbeats say how the device is", () =>
    Effect.gen(function*() {
      const { driver, link, reaches, states } = yield* session
      for (let second = 0; second < 20; second++) {
        yield* TestClock.adjust("1 second")
        const heartbeat = yield* driver.await("HEARTBEAT")
        const alive = { epoch: 1, seq: 0, loopLagMillis: 3, hardware: "degraded" }
        yield* driver.answer(heartbeat, "HEARTBEAT", alive)
        yield* driver.publish(driver.batch(0, []))
        yield* settle
      }
      expect(yield* reaches("online")).toMatchObject({ hardware: "degraded", loopLagMillis: 3 })
      // Told once more as the first heartbeat says how the hardware is.
      expect(states()).toEqual(["connecting", "online", "online"])
      expect((yield* link.status).counters.gaps).toBe(0)
    }).pipe(simulated))

  it.scoped("ends with BYE when the link is closed", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const opened = yield* Effect.fork(Effect.scoped(Effect.gen(function*() {
        const { reaches } = yield* openLink()
        yield* reaches("online")
      })))
      yield* driver.accept()
      yield* Fiber.join(opened)
      expect((yield* driver.await("BYE")).request.kind).toBe("BYE")
    }).pipe(simulated))

  it.scoped("endpoints that can never be used end the opening of the link", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(openLink({ commands: "nowhere" }))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "invalid-endpoint" })
    }).pipe(simulated))
})

describe("silence and death", () => {
  it.scoped("a silent device process is degraded after 3 s and lost after 5 s", () =>
    Effect.gen(function*() {
      const { reaches } = yield* session
      yield* TestClock.adjust("3 seconds")
      expect((yield* reaches("degraded")).reason).toContain("for 3000 ms")
      yield* TestClock.adjust("2 seconds")
      expect((yield* reaches("lost")).reason).toContain("for 5000 ms")
    }).pipe(simulated))

  it.scoped("a killed device process is lost within a second, and found when it is back", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { reaches, told } = yield* session
      yield* network.kill(commands)
      yield* network.kill(telemetry)
      expect((yield* reaches("degraded")).reason).toContain("closed")
      yield* TestClock.adjust("1 second")
      yield* reaches("lost")
      const driver = yield* rawDriver
      yield* Effect.forkScoped(driver.accept({ epoch: 2 }))
      yield* TestClock.adjust("3 seconds")
      expect(yield* reaches("online")).toMatchObject({ epoch: 2, counters: { sessions: 2 } })
      expect(told.snapshots).toHaveLength(2)
    }).pipe(simulated))

  it.scoped("a goodbye loses the link at once, with its reason", () =>
    Effect.gen(function*() {
      const { driver, hello, reaches } = yield* session
      yield* driver.answer(hello, "BYE", { reason: "maintenance" })
      expect((yield* reaches("lost")).reason).toBe(
        "the device process said goodbye (maintenance)"
      )
    }).pipe(simulated))

  it.scoped("a device process that lost its session is said HELLO to at once", () =>
    Effect.gen(function*() {
      const { driver, reaches, states } = yield* session
      yield* TestClock.adjust("1 second")
      const heartbeat = yield* driver.await("HEARTBEAT")
      yield* driver.answer(heartbeat, "ERROR", { code: "no-session", message: "who are you?" })
      yield* driver.accept({ seq: 4 })
      yield* reaches("online")
      expect(states()).toEqual(["connecting", "online", "degraded", "online"])
    }).pipe(simulated))

  it.scoped("a batch of a newer epoch shows that the device process was started anew", () =>
    Effect.gen(function*() {
      const { driver, reaches, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 5]], { epoch: 2 }))
      yield* driver.accept({ epoch: 2, seq: 1 })
      expect(yield* reaches("online")).toMatchObject({ epoch: 2 })
      expect(told.batches).toEqual([])
      expect(told.missing).toEqual([{ epoch: 2, seq: 2, count: 1 }])
    }).pipe(simulated))
})

describe("refusals", () => {
  const refused = (how: (driver: Effect.Effect.Success<typeof rawDriver>) => object) =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const opened = yield* openLink()
      const hello = yield* driver.await("HELLO")
      yield* driver.answer(hello, "READY", how(driver))
      return yield* opened.reaches("disconnected")
    })

  it.scoped("a description that differs is refused, and the field is named", () =>
    Effect.gen(function*() {
      const status = yield* refused(({ ready }) => ({
        ...ready,
        description: {
          ...ready.description,
          attributes: {
            ...ready.description.attributes,
            flow: { ...ready.description.attributes["flow"], unit: "m3/h" }
          }
        }
      }))
      expect(status.reason).toBe(
        `${commands}: description-mismatch: attributes.flow.unit: the node says "L/s",`
          + ' the device says "m3/h"'
      )
    }).pipe(simulated))

  it.scoped("another device, another version and no description are refused", () =>
    Effect.gen(function*() {
      const other = yield* Effect.scoped(refused(({ ready }) => ({ ...ready, device: "p-2" })))
      expect(other.reason).toContain("it serves device p-2, not p-1")
      const version = yield* Effect.scoped(refused(({ ready }) => ({ ...ready, protocol: 2 })))
      expect(version.reason).toContain("unsupported-version: the device process speaks version 2")
      const none = yield* Effect.scoped(refused(({ ready }) => ({ ...ready, description: 1 })))
      expect(none.reason).toContain("description-mismatch: description: Expected")
    }).pipe(simulated))

  it.scoped("an ERROR to HELLO is the reason, and HELLO is said again slowly", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const { reaches } = yield* openLink()
      const hello = yield* driver.await("HELLO")
      yield* driver.answer(hello, "ERROR", { code: "stale-fence", message: "fence 0 is below 7" })
      expect((yield* reaches("disconnected")).reason).toBe(
        `${commands} refused the session: fence 0 is below 7 (stale-fence)`
      )
      yield* Effect.forkScoped(driver.accept())
      yield* TestClock.adjust("10 seconds")
      yield* reaches("online")
    }).pipe(simulated))

  it.scoped("a device process that forgot its epoch is refused, since order would be lost", () =>
    Effect.gen(function*() {
      const { driver, reaches } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 5], [0, 6]]))
      yield* TestClock.adjust("1 second")
      const heartbeat = yield* driver.await("HEARTBEAT")
      yield* driver.answer(heartbeat, "ERROR", { code: "no-session", message: "who are you?" })
      const hello = yield* driver.await("HELLO")
      yield* driver.answer(hello, "READY", { ...driver.ready, epoch: 1, seq: 0 })
      expect((yield* reaches("disconnected")).reason).toContain(
        "the device process forgot its epoch: epoch 1, seq 0 comes after epoch 1, seq 2"
      )
    }).pipe(simulated))
})

describe("garbage", () => {
  it.scoped("instead of READY is dropped, counted, and the reason why there is no session", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const { link } = yield* openLink()
      const { peer } = yield* driver.await("HELLO")
      yield* driver.router.send([peer, utf8.encode("HTTP/1.1 400 Bad Request")])
      const status = yield* until(
        "the garbage is counted",
        Effect.map(link.status, (now) => now.counters.framesMalformed > 0 && now)
      )
      expect(status).toMatchObject({
        state: "connecting",
        reason: `${commands} sent frame[0]: expected PDP1, got "HTTP/1.1 400 Bad"... (24 bytes)`
          + " (malformed)"
      })
    }).pipe(simulated))

  it.scoped("frames of another version disconnect the link, and name the version", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const { reaches } = yield* openLink()
      const { peer } = yield* driver.await("HELLO")
      yield* driver.router.send([peer, ...["PDP2", "READY", "h1", ""].map((x) => utf8.encode(x))])
      expect((yield* reaches("disconnected")).reason).toContain(
        "protocol PDP2 is not supported, only PDP1 is (unsupported-version)"
      )
    }).pipe(simulated))

  it.scoped("amid a session is counted on both paths, and the session goes on", () =>
    Effect.gen(function*() {
      const { driver, hello, link, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0]]))
      yield* driver.publisher.send([utf8.encode("p-1")])
      yield* driver.router.send([hello.peer, utf8.encode("PDP1"), utf8.encode("READY")])
      yield* driver.publish(driver.batch(1, [[0, 2]]))
      yield* until("the good batch is there", Effect.sync(() => told.batches.length === 1))
      const status = yield* until(
        "the garbage is counted",
        Effect.map(link.status, (now) => now.counters.framesMalformed === 3 && now)
      )
      expect(status.state).toBe("online")
      expect(status.violation).toContain("tcp://127.0.0.1:570")
    }).pipe(simulated))

  it.scoped("frames out of place are counted as stray: foreign answers, old batches", () =>
    Effect.gen(function*() {
      const { driver, hello, link } = yield* session
      yield* driver.router.send([
        hello.peer,
        ...["PDP1", "READY", "x"].map((x) => utf8.encode(x)),
        new Uint8Array([0x80])
      ])
      yield* driver.answer(hello, "REPLY", {})
      yield* driver.publish(driver.batch(1, [[0, 1]]))
      yield* driver.publish(driver.batch(1, [[0, 1]]))
      yield* driver.publish(driver.batch(9, [[0, 1]], { epoch: 0 }))
      const status = yield* until(
        "all are counted",
        Effect.map(link.status, (now) => now.counters.framesStray === 2 && now)
      )
      expect(status.counters).toMatchObject({ answersLate: 1, framesMalformed: 1, readings: 1 })
    }).pipe(simulated))

  it.scoped("another device whose name begins alike is not mistaken for this one", () =>
    Effect.gen(function*() {
      const { driver, link, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 99]]), "p-12")
      yield* driver.publish(driver.batch(1, [[0, 2]]))
      yield* until("a batch is there", Effect.sync(() => told.batches.length > 0))
      expect(told.batches).toMatchObject([{ samples: [{ value: 2 }] }])
      expect((yield* link.status).counters).toMatchObject({ framesStray: 0, framesMalformed: 0 })
    }).pipe(simulated))
})

describe("gaps", () => {
  it.scoped("missing readings are told with their number, and bring a snapshot", () =>
    Effect.gen(function*() {
      const { driver, link, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 1], [0, 2]]))
      yield* driver.publish(driver.batch(6, [[0, 6]]))
      const read = yield* driver.await("READ")
      yield* driver.answer(read, "REPLY", driver.batch(6, [[0, 6]]))
      yield* until("the snapshot is there", Effect.sync(() => told.snapshots.length === 2))
      expect(told.missing).toEqual([{ epoch: 1, seq: 6, count: 3 }])
      expect(told.batches.map((batch) => batch.seq)).toEqual([1, 6])
      expect((yield* link.status).counters).toMatchObject({ gaps: 1, readingsMissing: 3 })
    }).pipe(simulated))

  it.scoped("an empty batch shows that the last readings were lost", () =>
    Effect.gen(function*() {
      const { driver, told } = yield* session
      yield* driver.publish(driver.batch(4, []))
      yield* driver.await("READ")
      expect(told.missing).toEqual([{ epoch: 1, seq: 5, count: 4 }])
    }).pipe(simulated))

  it.scoped("of a batch that was seen in part the new readings alone are passed on", () =>
    Effect.gen(function*() {
      const { driver, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 1], [0, 2]]))
      yield* driver.publish(driver.batch(2, [[0, 2], [0, 3]]))
      yield* until("both are there", Effect.sync(() => told.batches.length === 2))
      expect(told.batches[1]).toMatchObject({ seq: 3, samples: [{ value: 3 }] })
      expect(told.missing).toEqual([])
    }).pipe(simulated))

  it.scoped("a snapshot that fails is tried again", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const { told } = yield* openLink()
      const hello = yield* driver.await("HELLO")
      yield* driver.answer(hello, "READY", driver.ready)
      yield* driver.answer(yield* driver.await("READ"), "REPLY", { seq: "nonsense" })
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* driver.answer(yield* driver.await("READ"), "REPLY", driver.batch(0, [[0, 1]]))
      yield* until("the snapshot is there", Effect.sync(() => told.snapshots.length === 1))
    }).pipe(simulated))
})

describe("metrics", () => {
  it.scoped("count readings, batches and garbage of each device", () =>
    Effect.gen(function*() {
      const count = (name: string) =>
        Effect.map(Metric.snapshot, (pairs) =>
          pairs.flatMap(({ metricKey, metricState }) =>
            metricKey.name === name && metricKey.tags.some((tag) =>
                tag.value === "p-1"
              )
              && "count" in metricState
              ? [Number(metricState.count)]
              : []
          )[0] ?? 0)
      const before = {
        readings: yield* count("plantd_link_readings_total"),
        batches: yield* count("plantd_link_batches_total"),
        malformed: yield* count("plantd_link_frames_malformed_total")
      }
      const { driver, told } = yield* session
      yield* driver.publish(driver.batch(1, [[0, 1], [0, 2], [0, 3]]))
      yield* driver.publish({ garbage: true })
      yield* driver.publish(driver.batch(4, [[0, 4]]))
      yield* until("both are there", Effect.sync(() => told.batches.length === 2))
      expect(yield* count("plantd_link_readings_total")).toBe(before.readings + 4)
      expect(yield* count("plantd_link_batches_total")).toBe(before.batches + 2)
      expect(yield* count("plantd_link_frames_malformed_total")).toBe(before.malformed + 1)
    }).pipe(simulated))
})

describe("requests", () => {
  it.scoped("carry the time they were sent and what is left of their deadline", () =>
    Effect.gen(function*() {
      const { driver, link } = yield* session
      yield* TestClock.adjust("10 millis")
      yield* Effect.fork(link.write("speed", 3, options(500)))
      expect((yield* driver.await("WRITE")).request.body).toEqual({
        sentAt: 10,
        deadlineMs: 500,
        commandId: "c-1",
        fence: 0,
        epoch: 1,
        attribute: "speed",
        value: 3
      })
    }).pipe(simulated))

  it.scoped("are not sent while the link is not online", () =>
    Effect.gen(function*() {
      const driver = yield* rawDriver
      const { link } = yield* openLink()
      yield* driver.await("HELLO")
      const write = yield* Effect.flip(link.write("speed", 3, options(500)))
      const read = yield* Effect.flip(link.read(["flow"], { deadlineMillis: 500 }))
      expect([write, read]).toMatchObject([
        { _tag: "NotSent", state: "connecting" },
        { _tag: "NotSent", state: "connecting" }
      ])
    }).pipe(simulated))

  it.scoped.each(
    [
      ["busy", "Refused"],
      ["expired", "Refused"],
      ["not-writable", "Refused"],
      ["failed", "Failed"],
      ["no-session", "NotSent"],
      ["unknown", "NoAnswer"],
      ["from-the-future", "NoAnswer"]
    ] as const
  )("an ERROR %s to a write is a %s", ([code, tag]) =>
    Effect.gen(function*() {
      const { driver, link } = yield* session
      const write = yield* Effect.fork(link.write("speed", 3, options(500)))
      yield* driver.answer(yield* driver.await("WRITE"), "ERROR", { code, message: "no" })
      expect((yield* flips(write))._tag).toBe(tag)
    }).pipe(simulated))

  it.scoped("without an answer by the deadline nobody knows what became of them", () =>
    Effect.gen(function*() {
      const { driver, link } = yield* session
      const write = yield* Effect.fork(link.write("speed", 3, options(500)))
      const request = yield* driver.await("WRITE")
      yield* TestClock.adjust("500 millis")
      expect((yield* flips(write)).message).toContain("nothing was heard of it by its deadline")
      yield* driver.answer(request, "REPLY", {})
      yield* until(
        "the late answer is counted",
        Effect.map(link.status, (status) => status.counters.answersLate === 1)
      )
    }).pipe(simulated))

  it.scoped("a command under way when the device process dies is unknown at once", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { driver, link } = yield* session
      const write = yield* Effect.fork(link.write("speed", 3, options(5_000)))
      yield* driver.await("WRITE")
      yield* network.kill(commands)
      expect((yield* flips(write))._tag).toBe("NoAnswer")
    }).pipe(simulated))

  it.scoped("a read under way when the connection breaks is sent again in the new session", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { driver, link } = yield* session
      const read = yield* Effect.fork(link.read(["flow"], { deadlineMillis: 5_000 }))
      yield* driver.await("READ")
      yield* network.reset(commands)
      const accepted = yield* Effect.fork(driver.await("HELLO"))
      yield* TestClock.adjust("1 second")
      yield* driver.answer(yield* Fiber.join(accepted), "READY", driver.ready)
      // The snapshot of the new session, and the read: in whichever order they come.
      for (let i = 0; i < 2; i++) {
        yield* driver.answer(yield* driver.await("READ"), "REPLY", driver.batch(0, [[0, 7]]))
      }
      expect((yield* Fiber.join(read)).samples).toMatchObject([{ value: 7 }])
    }).pipe(simulated))

  it.scoped("a read that finds no new session by its deadline was not answered", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { driver, link } = yield* session
      const read = yield* Effect.fork(link.read(["flow"], { deadlineMillis: 900 }))
      yield* driver.await("READ")
      yield* network.kill(commands)
      yield* settle
      yield* TestClock.adjust("900 millis")
      expect((yield* flips(read))._tag).toBe("NotSent")
    }).pipe(simulated))

  it.scoped("the result of a command is its REPLY's, and null where it has none", () =>
    Effect.gen(function*() {
      const { driver, link } = yield* session
      const first = yield* Effect.fork(link.invoke("prime", { seconds: 3 }, options(500)))
      const request = yield* driver.await("INVOKE")
      expect(request.request.body).toMatchObject({ command: "prime", payload: { seconds: 3 } })
      yield* driver.answer(request, "PROGRESS", { progress: 0.5 })
      yield* driver.answer(request, "REPLY", { result: true })
      expect(yield* Fiber.join(first)).toBe(true)
      const second = yield* Effect.fork(link.invoke("stop", undefined, options(500)))
      yield* driver.answer(yield* driver.await("INVOKE"), "REPLY", {})
      expect(yield* Fiber.join(second)).toBeNull()
    }).pipe(simulated))
})
