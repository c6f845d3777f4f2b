import { describe, expect, it } from "@effect/vitest"
import { LinkState } from "@plantd/hardware"
import fc from "fast-check"

const { timing } = LinkState

/** Steps through events at times, and gives the last state with all that was to be done. */
const run = (...events: ReadonlyArray<readonly [number, LinkState.Event]>) => {
  const actions: Array<LinkState.Action> = []
  let state = LinkState.initial(0)
  for (const [now, event] of events) {
    const [next, todo] = LinkState.step(timing, state, event, { now, random: 0 })
    actions.push(...todo)
    state = next
  }
  return { state, phase: state.phase, reason: state.reason, actions }
}

const tick = { _tag: "Tick" } as const
const ready = { _tag: "Ready" } as const
const heard = (path: LinkState.Path) => ({ _tag: "Heard", path }) as const
const closed = (path: LinkState.Path) => ({ _tag: "Disconnected", path }) as const
const open = (path: LinkState.Path) => ({ _tag: "Connected", path }) as const
const gone = { _tag: "SessionGone", reason: "started anew" } as const

describe("the way to a session", () => {
  it("a link says HELLO at once, and again later and later while nobody answers", () => {
    expect(run([0, tick]).actions).toEqual(["hello"])
    const { state } = run([0, tick], [100, tick], [300, tick])
    expect(state.phase).toBe("connecting")
    expect(state.helloAt).toBe(700)
  })

  it("a new connection brings HELLO at once", () => {
    expect(run([0, tick], [50, open("commands")], [50, tick]).actions).toEqual(["hello", "hello"])
  })

  it("READY makes it online, and heartbeats begin", () => {
    const online = run([0, tick], [10, ready])
    expect(online.phase).toBe("online")
    expect(online.reason).toBeUndefined()
    expect(LinkState.isOnline(online.state)).toBe(true)
    expect(run([10, ready], [1_010, tick]).actions).toEqual(["heartbeat"])
  })

  it("a refusal says why, and is tried again slowly", () => {
    const { actions, phase, reason, state } = run([0, tick], [
      5,
      { _tag: "Refused", reason: "unsupported-version" }
    ])
    expect([phase, reason]).toEqual(["disconnected", "unsupported-version"])
    expect(actions).toEqual(["hello", "abandon"])
    expect(state.helloAt).toBe(5 + timing.refusedRetryMillis)
  })

  it("garbage before a session is told as the reason why there is none", () => {
    const { phase, reason } = run([0, { _tag: "Violation", reason: "garbage" }])
    expect([phase, reason]).toEqual(["connecting", "garbage"])
  })
})

describe("silence", () => {
  it.each(["commands", "telemetry"] as const)(
    "on the %s path makes the link degraded after 3 s, and lost after 5 s",
    (silent) => {
      const other = silent === "commands" ? "telemetry" : "commands"
      const degraded = run([0, ready], [2_900, heard(other)], [3_000, tick])
      expect(degraded.phase).toBe("degraded")
      expect(degraded.reason).toBe(`nothing was heard on the ${silent} path for 3000 ms`)
      const lost = run([0, ready], [2_900, heard(other)], [3_000, tick], [5_000, tick])
      expect(lost.phase).toBe("lost")
      expect(lost.reason).toBe(`nothing was heard on the ${silent} path for 5000 ms`)
      expect(run([0, ready], [2_900, heard(other)], [2_999, tick]).phase).toBe("online")
    }
  )

  it("a sign of life on the silent path mends a degraded link", () => {
    const mended = run(
      [0, ready],
      [2_900, heard("telemetry")],
      [3_000, tick],
      [3_100, heard("commands")]
    )
    expect(mended.phase).toBe("online")
  })

  it("a lost link does not come back by a sign of life, only by READY", () => {
    const after = run([0, ready], [5_000, tick], [5_100, heard("commands")], [
      5_100,
      heard("telemetry")
    ])
    expect(after.phase).toBe("lost")
    expect(run([0, ready], [5_000, tick], [5_100, ready]).phase).toBe("online")
  })

  it("a lost link says HELLO again at once", () => {
    expect(run([0, ready], [5_000, tick]).actions).toContain("hello")
  })
})

describe("a closed connection", () => {
  it("degrades the link at once, gives up what waits, and loses it after the grace", () => {
    const degraded = run([0, ready], [100, closed("commands")])
    expect(degraded.phase).toBe("degraded")
    expect(degraded.actions).toEqual(["abandon"])
    const lost = run([0, ready], [100, closed("commands")], [1_100, tick])
    expect(lost.phase).toBe("lost")
    expect(lost.state.since).toBe(1_100)
  })

  it("with a new session within the grace the link is not lost", () => {
    const mended = run(
      [0, ready],
      [100, closed("commands")],
      [500, open("commands")],
      [510, ready],
      [1_100, tick]
    )
    expect(mended.phase).toBe("online")
  })

  it("on the telemetry path degrades it too, and the next batch mends it", () => {
    expect(run([0, ready], [100, closed("telemetry")]).phase).toBe("degraded")
    const mended = run(
      [0, ready],
      [100, closed("telemetry")],
      [600, open("telemetry")],
      [900, heard("telemetry")],
      [1_200, tick]
    )
    expect(mended.phase).toBe("online")
    expect(run([0, ready], [100, closed("telemetry")], [1_100, tick]).phase).toBe("lost")
  })

  it("on the telemetry path keeps a new session degraded until that path is there again", () => {
    const begun = [
      [[0, ready], [100, closed("telemetry")], [100, closed("commands")], [400, ready]],
      [[0, ready], [5_000, tick], [5_050, closed("telemetry")], [5_100, ready]],
      [[0, closed("telemetry")], [10, ready]]
    ] as const
    for (const steps of begun) {
      const now = steps[steps.length - 1]?.[0] ?? 0
      const degraded = run(...steps)
      expect(degraded.phase).toBe("degraded")
      expect(degraded.reason).toContain("the telemetry connection was closed")
      expect(run(...steps, [now + 100, heard("commands")]).phase).toBe("degraded")
      expect(run(...steps, [now + 100, open("telemetry")]).phase).toBe("online")
      expect(run(...steps, [now + 100, heard("telemetry")]).phase).toBe("online")
      expect(run(...steps, [now + 1_000, tick]).phase).toBe("lost")
    }
  })

  it("at the start either connection may come first, and READY before both", () => {
    const [one, other] = [open("commands"), open("telemetry")]
    expect(run([0, one], [1, other], [2, ready]).phase).toBe("online")
    expect(run([0, other], [1, one], [2, ready]).phase).toBe("online")
    expect(run([0, ready], [1, other], [2, one]).phase).toBe("online")
    expect(run([0, closed("telemetry")], [1, other], [2, ready]).phase).toBe("online")
  })

  it("before a session changes nothing", () => {
    expect(run([0, closed("commands")]).state).toEqual(LinkState.initial(0))
  })
})

describe("the end of a session", () => {
  it("a goodbye loses the link at once, with its reason", () => {
    const { actions, phase, reason } = run([0, ready], [5, { _tag: "Goodbye", reason: "bye" }])
    expect([phase, reason, actions]).toEqual(["lost", "bye", ["abandon"]])
  })

  it("a device process that was started anew is said HELLO to at once", () => {
    const { phase, state } = run([0, ready], [5, gone])
    expect([phase, state.helloAt]).toEqual(["degraded", 5])
  })

  it("being told again that the session is gone does not say HELLO more often", () => {
    const { actions, state } = run([0, ready], [5, gone], [5, tick], [6, gone], [6, tick])
    expect(actions.filter((action) => action === "hello")).toHaveLength(1)
    expect(state.helloAt).toBeGreaterThan(6)
  })
})

const anyEvent = fc.oneof(
  fc.constantFrom(
    tick,
    ready,
    gone,
    { _tag: "Refused", reason: "r" } as const,
    { _tag: "Goodbye", reason: "g" } as const,
    { _tag: "Violation", reason: "v" } as const
  ),
  fc.tuple(
    fc.constantFrom("Heard", "Connected", "Disconnected"),
    fc.constantFrom("commands", "telemetry")
  )
    .map(([_tag, path]) => ({ _tag, path }) as LinkState.Event)
)

describe("whatever happens", () => {
  it("an online link has a session, no reason, and was heard on both paths lately", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(2_000), anyEvent)), (steps) => {
      let state = LinkState.initial(0)
      let now = 0
      for (const [later, event] of steps) {
        now += later
        state = LinkState.step(timing, state, event, { now, random: 0 })[0]
        expect(state.phase === "online").toBe(state.reason === undefined)
        if (state.phase === "online") {
          expect(state.session).toBe("standing")
          expect(state.down).toEqual({})
        }
        if (event._tag === "Tick" && state.phase === "online") {
          expect(now - Math.min(state.heard.commands, state.heard.telemetry)).toBeLessThan(3_000)
        }
        if (state.phase === "degraded") expect(state.session).not.toBe("none")
      }
    }))
  })

  it("the timer always has something to wait for, and a tick never leaves it due at once", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(2_000), anyEvent)), (steps) => {
      let state = LinkState.initial(0)
      let now = 0
      for (const [later, event] of steps) {
        now += later
        state = LinkState.step(timing, state, event, { now, random: 0 })[0]
      }
      for (let i = 0; i < 20; i++) {
        const due = LinkState.dueAt(timing, state)
        expect(due).toBeLessThan(Infinity)
        now = Math.max(now, due)
        state = LinkState.step(timing, state, tick, { now, random: 0 })[0]
        // Losing a link may make HELLO due at the same instant, once.
        if (LinkState.dueAt(timing, state) <= now) {
          state = LinkState.step(timing, state, tick, { now, random: 0 })[0]
        }
        expect(LinkState.dueAt(timing, state)).toBeGreaterThan(now)
      }
    }))
  })
})

describe("the timer", () => {
  it("does at each time that is due what it was due for: the next one is later", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (nanos) => {
        const begin = nanos / 1e6
        let { state } = run([begin, tick], [begin, ready])
        for (let ticks = 0; ticks < 12; ticks++) {
          const due = LinkState.dueAt(timing, state)
          state = LinkState.step(timing, state, tick, { now: due, random: 0 })[0]
          expect(LinkState.dueAt(timing, state)).toBeGreaterThan(due)
        }
        expect(state.phase).toBe("lost")
      })
    )
  })
})
