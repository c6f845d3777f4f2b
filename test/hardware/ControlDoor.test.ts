import { describe, expect } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import fc from "fast-check"
import { rawPeer, tallyDoor } from "./tally.ts"
import { simulated, zmq } from "./transports.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const second = 1_000

describe.each([simulated, zmq])("a door over $name", ({ test, within }) => {
  /** Waits, while time passes, until a condition holds. */
  const eventually = (what: string, holds: () => boolean | Effect.Effect<boolean>) =>
    within(Effect.repeat(
      Effect.suspend(() => {
        const held = holds()
        return typeof held === "boolean" ? Effect.succeed(held) : held
      }),
      { until: (held) => held, schedule: Schedule.spaced("20 millis") }
    )).pipe(Effect.annotateLogs({ what }))

  const rig = Effect.gen(function*() {
    const { door, seen } = yield* tallyDoor()
    const peer = yield* within(rawPeer(door.endpoint))
    return { door, seen, peer, get: (kind: "ANSWER", id: string) => within(peer.await(kind, id)) }
  })

  test("says which actor it serves to whoever asks for a sign of life", () =>
    Effect.gen(function*() {
      const { peer } = yield* rig
      yield* peer.send("PING", "p", {})
      expect(yield* within(peer.receive)).toEqual({
        kind: "PONG",
        id: "p",
        body: { protocol: 1, actor: "Tally", id: "t-1" }
      })
    }))

  test("gives a request to the actor, and its answer or its typed error to the peer", () =>
    Effect.gen(function*() {
      const { peer, seen } = yield* rig
      yield* peer.send("ASK", "a", { tag: "Add", payload: { by: 3 }, timeoutMillis: second })
      expect((yield* within(peer.receive)).body).toEqual({ success: 3 })
      yield* peer.send("ASK", "b", { tag: "Add", payload: { by: 101 }, timeoutMillis: second })
      expect((yield* within(peer.receive)).body).toEqual({
        failure: { _tag: "TooMuch", most: 100 }
      })
      yield* peer.send("ASK", "c", { tag: "Reset", timeoutMillis: second })
      expect(yield* within(peer.receive)).toEqual({ kind: "ANSWER", id: "c", body: {} })
      expect(seen.count).toBe(0)
    }))

  test("tells a crash and a deadline as what they are, in plain data", () =>
    Effect.gen(function*() {
      const { peer } = yield* rig
      yield* peer.send("ASK", "b", { tag: "Hang", payload: { urgent: false }, timeoutMillis: 50 })
      expect((yield* within(peer.receive)).body).toMatchObject({
        failure: { _tag: "AskTimeout", outcome: "unknown" }
      })
      yield* peer.send("ASK", "a", { tag: "Crash", timeoutMillis: second })
      const crash = yield* within(peer.receive)
      expect(crash.body).toMatchObject({ failure: { _tag: "ActorCrashed", tag: "Crash" } })
      expect(JSON.stringify(crash.body)).toContain("a defect of the tally")
    }))

  test("refuses what the actor's protocol does not have, and the actor sees nothing of it", () =>
    Effect.gen(function*() {
      const { door, peer, seen } = yield* rig
      const refused = (body: object) =>
        Effect.zipRight(peer.send("ASK", "x", body), within(peer.receive))
      expect(yield* refused({ tag: "Ad", timeoutMillis: second })).toMatchObject({
        kind: "ERROR",
        body: {
          code: "unknown-operation",
          message: 'there is no operation "Ad"; did you mean Add?'
        }
      })
      expect(yield* refused({ tag: "toString", timeoutMillis: second })).toMatchObject({
        body: { code: "unknown-operation" }
      })
      expect(yield* refused({ tag: "Add", payload: { by: "3" }, timeoutMillis: second }))
        .toMatchObject({ body: { code: "invalid-payload" } })
      expect(yield* refused({ tag: "Add", payload: { by: -3 }, timeoutMillis: second }))
        .toMatchObject({
          body: { code: "invalid-payload", message: expect.stringContaining("payload.by") }
        })
      expect(seen.count).toBe(0)
      expect(yield* door.counters).toMatchObject({ requests: 0, requestsRefused: 4 })
    }))

  test("calls an answer that cannot be told by its name, since the actor has done it", () =>
    Effect.gen(function*() {
      const { peer } = yield* rig
      const length = 2_000_000
      yield* peer.send("ASK", "a", { tag: "Text", payload: { length }, timeoutMillis: second })
      expect(yield* within(peer.receive)).toMatchObject({
        kind: "ERROR",
        id: "a",
        body: { code: "answer-invalid" }
      })
    }))

  test("sends no more of a stream than its reader asked for, and ends what was asked for", () =>
    Effect.gen(function*() {
      const { peer, seen } = yield* rig
      yield* peer.send("ASK", "s", { tag: "Endless", timeoutMillis: second, window: 2 })
      expect(yield* within(peer.receive)).toMatchObject({ kind: "ITEM", id: "s" })
      expect(yield* within(peer.receive)).toMatchObject({ kind: "ITEM", id: "s" })
      yield* peer.send("ASK", "a", { tag: "Add", payload: { by: 1 }, timeoutMillis: second })
      expect(yield* within(peer.receive)).toMatchObject({ kind: "ANSWER", id: "a" })
      expect(seen.produced).toBe(2)
      yield* peer.send("MORE", "s", { items: 1 })
      expect(yield* within(peer.receive)).toMatchObject({ body: { items: [3] } })
      yield* peer.send("CANCEL", "s", {})
      yield* eventually("the stream is closed", () => seen.open === 0)
    }))

  test("ends a stream that ends", () =>
    Effect.gen(function*() {
      const { peer } = yield* rig
      const body = { tag: "Numbers", payload: { to: 600 }, timeoutMillis: second, window: 9 }
      yield* peer.send("ASK", "s", body)
      const sizes: Array<number> = []
      const all = Effect.repeat(peer.receive, {
        until: ({ body, kind }) => {
          if ("items" in body) sizes.push(body.items.length)
          return kind === "END"
        }
      })
      expect((yield* within(all)).body).toEqual({})
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(256)
    }))

  test("ends the streams of a peer that fell silent, and not of one that is heard", () =>
    Effect.gen(function*() {
      const { door, seen } = yield* tallyDoor({ peerSilenceMillis: 1_200 })
      const [gone, alive] = [
        yield* within(rawPeer(door.endpoint)),
        yield* within(rawPeer(door.endpoint))
      ]
      const body = { tag: "Endless", timeoutMillis: second, window: 1 }
      yield* gone.send("ASK", "s", body)
      yield* alive.send("ASK", "s", body)
      yield* within(alive.await("ITEM", "s"))
      yield* eventually("both are open", () => seen.open === 2)
      yield* eventually(
        "one is closed",
        () => Effect.as(Effect.ignore(alive.send("PING", "p", {})), seen.open < 2)
      )
      expect(seen.open).toBe(1)
      expect(yield* door.counters).toMatchObject({ peersGone: 1, streamsRunning: 1 })
    }))

  test("bounds what is under way, and keeps room for what is urgent", () =>
    Effect.gen(function*() {
      const { door, seen } = yield* tallyDoor({ peerRequestsMax: 2, requestsMax: 3, urgentMax: 1 })
      const hang = (urgent: boolean) => ({
        tag: "Hang",
        payload: { urgent },
        timeoutMillis: 60 * second
      })
      const [one, two] = [
        yield* within(rawPeer(door.endpoint)),
        yield* within(rawPeer(door.endpoint))
      ]
      yield* one.send("ASK", "1", hang(false))
      yield* one.send("ASK", "1", hang(false))
      expect(yield* within(one.receive)).toMatchObject({ body: { code: "duplicate-id" } })
      yield* one.send("ASK", "2", hang(false))
      yield* one.send("ASK", "3", hang(false))
      expect(yield* within(one.receive)).toMatchObject({
        id: "3",
        body: { code: "busy", message: expect.stringContaining("(peerRequestsMax)") }
      })
      yield* two.send("ASK", "1", hang(false))
      yield* two.send("ASK", "2", hang(false))
      expect(yield* within(two.receive)).toMatchObject({
        id: "2",
        body: { code: "busy", message: expect.stringContaining("(requestsMax)") }
      })
      yield* one.send("ASK", "4", hang(true))
      yield* eventually("the urgent one runs", () => seen.hanging === 4)
      yield* two.send("ASK", "3", hang(true))
      expect(yield* within(two.receive)).toMatchObject({ body: { code: "busy" } })
      yield* one.send("CANCEL", "2", {})
      yield* one.send("ASK", "5", { tag: "Reset", timeoutMillis: second })
      expect(yield* within(one.receive)).toMatchObject({ kind: "ANSWER", id: "5" })
    }))

  test("bounds streams", () =>
    Effect.gen(function*() {
      const { door } = yield* tallyDoor({ peerStreamsMax: 1, streamsMax: 1 })
      const [one, two] = [
        yield* within(rawPeer(door.endpoint)),
        yield* within(rawPeer(door.endpoint))
      ]
      const body = { tag: "Endless", timeoutMillis: second, window: 1 }
      yield* one.send("ASK", "1", body)
      yield* one.send("ASK", "2", body)
      expect((yield* within(one.await("ERROR", "2"))).body).toMatchObject({
        message: expect.stringContaining("(peerStreamsMax)")
      })
      yield* two.send("ASK", "1", body)
      expect((yield* within(two.await("ERROR", "1"))).body).toMatchObject({
        message: expect.stringContaining("(streamsMax)")
      })
    }))

  test("answers or counts what is not of the protocol, and serves on", () =>
    Effect.gen(function*() {
      const { door, peer, seen } = yield* rig
      const frame = fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom("PCP1", "PCP2", "ASK", "MORE", "CANCEL", "PING", "id").map(bytes)
      )
      const messages = fc.sample(fc.array(frame, { minLength: 1, maxLength: 6 }), 300)
      for (const frames of messages) yield* peer.dealer.send(frames)
      yield* peer.dealer.send([bytes("PCP1"), bytes("ASK"), bytes("big"), new Uint8Array(70_000)])
      expect((yield* within(peer.await("ERROR", "big"))).body).toMatchObject({
        code: "malformed",
        message: expect.stringContaining("requestBytesMax")
      })
      yield* peer.send("ASK", "a", { tag: "Add", payload: { by: 1 }, timeoutMillis: second })
      expect((yield* within(peer.await("ANSWER", "a"))).body).toEqual({ success: 1 })
      expect((yield* door.counters).framesMalformed).toBeGreaterThan(200)
      expect(seen.count).toBe(1)
    }))
})
