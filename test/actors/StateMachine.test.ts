import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import * as Handling from "@plantd/actors/Handling"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Effect, Schema } from "effect"

const { event, goto, postpone, repeat, stay, step, stop } = StateMachine

const Door = Actor.make("Door", [
  Rpc.make("Open", { payload: { by: Schema.String }, success: Schema.Literal("open", "locked") }),
  Rpc.make("Close"),
  Rpc.make("Look", { success: Schema.String, error: Schema.String })
])

const opened: { readonly opened: number } = { opened: 0 }
const outline = { states: ["Shut", "Ajar"], initial: "Shut", data: opened } as const

describe("the pure core", () => {
  const at = StateMachine.begin<string, number>("Red", 1)
  const a = event("A")
  const b = event("B")
  const c = event("C")

  const table: ReadonlyArray<
    readonly [
      name: string,
      before: Partial<StateMachine.Machine>,
      transition: Parameters<typeof step<string, number>>[1],
      cause: StateMachine.Cause,
      after: Partial<StateMachine.Machine>,
      actions: ReadonlyArray<unknown>
    ]
  > = [
    ["staying does nothing", {}, stay(), "message", {}, []],
    ["staying can change the data", {}, stay({ data: 2 }), "message", { data: 2 }, []],
    [
      "going to another state cancels its timeouts, replays what was postponed, then enters",
      {},
      goto("Green", { data: 2 }),
      "message",
      { state: "Green", data: 2 },
      [{ _tag: "CancelTimeouts" }, { _tag: "Replay" }, { _tag: "Enter", from: "Red" }]
    ],
    ["going to the state at hand is staying", {}, goto("Red"), "message", {}, []],
    [
      "repeating enters anew and replays nothing",
      { postponed: [a] },
      repeat(),
      "message",
      {},
      [{ _tag: "CancelTimeouts" }, { _tag: "Enter", from: "Red" }]
    ],
    ["postponing holds the message", {}, postpone(), "message", {}, [{ _tag: "Hold" }]],
    [
      "postponing with a change of state puts the message behind those held before",
      {},
      postpone({ goto: "Green" }),
      "message",
      { state: "Green" },
      [
        { _tag: "CancelTimeouts" },
        { _tag: "Hold" },
        { _tag: "Replay" },
        { _tag: "Enter", from: "Red" }
      ]
    ],
    ["an inserted event is postponed last", { postponed: [a] }, postpone(), b, {
      postponed: [a, b]
    }, []],
    [
      "inserted events come first, then postponed ones, then those inserted before",
      { postponed: [b], inserted: [c] },
      goto("Green", { next: [a] }),
      "message",
      { state: "Green", postponed: [], inserted: [a, b, c] },
      [{ _tag: "CancelTimeouts" }, { _tag: "Replay" }, { _tag: "Enter", from: "Red" }]
    ],
    [
      "an inserted event that is postponed with a change of state comes again",
      { postponed: [a], inserted: [c] },
      postpone({ goto: "Green" }),
      b,
      { state: "Green", postponed: [], inserted: [a, b, c] },
      [{ _tag: "CancelTimeouts" }, { _tag: "Replay" }, { _tag: "Enter", from: "Red" }]
    ],
    [
      "inserted events go before those that were inserted earlier",
      { inserted: [c] },
      stay({ next: [a, b] }),
      "timeout",
      { inserted: [a, b, c] },
      []
    ],
    [
      "timers are cancelled before others are started",
      {},
      stay({ start: { retry: "2 seconds" }, cancel: ["watchdog"] }),
      "message",
      {},
      [
        { _tag: "CancelTimer", timer: "watchdog" },
        { _tag: "StartTimer", timer: "retry", after: expect.objectContaining({}) }
      ]
    ],
    [
      "stopping forgets what was inserted and postponed",
      { inserted: [a], postponed: [b] },
      stop({ data: 3 }),
      "message",
      { data: 3, inserted: [], postponed: [] },
      [{ _tag: "Stop" }]
    ]
  ]

  it.each(table)("%s", (_name, before, transition, cause, after, actions) => {
    const machine = { ...at, ...before } as typeof at
    expect(step(machine, transition, cause)).toEqual([{ ...machine, ...after }, actions])
  })

  it("to postpone a timeout is refused, by state", () => {
    expect(() => step(at, postpone(), "timeout")).toThrow(
      "in state Red: a timeout cannot be postponed"
    )
  })

  it("more inserted events than the bound are refused, by state", () => {
    const next = Array.from({ length: StateMachine.insertedEventsMax }, () => a)
    const [full] = step(at, stay({ next }))
    expect(full.inserted).toHaveLength(StateMachine.insertedEventsMax)
    expect(() => step(full, stay({ next: [b] }))).toThrow(/in state Red: more than 1024/)
    const waiting = { ...at, postponed: next }
    expect(() => step(waiting, postpone(), b)).toThrow(/in state Red: more than 1024/)
  })

  it("inserted events are pulled in order, until there is none", () => {
    const [one, first] = StateMachine.pull({ ...at, inserted: [a, b] })
    const [two, second] = StateMachine.pull(one)
    expect([first, second, StateMachine.pull(two)]).toEqual([a, b, [two, undefined]])
  })
})

describe("a definition", () => {
  it("every message needs a place in every state: the compiler and a RangeError name both", () => {
    expect(() =>
      StateMachine.make(Door, outline, {
        states: {
          // @ts-expect-error state Shut has no place for Close
          Shut: { postpone: ["Open"] },
          Ajar: { postpone: ["Open", "Close"] }
        },
        common: { Look: () => stay({ reply: "a door" }) }
      })
    ).toThrow(
      "StateMachine.make: Door: state Shut has no place for Close: add it to on, postpone or common"
    )
  })

  it("a state must be named and defined", () => {
    const everything = { postpone: ["Open", "Close", "Look"] } as const
    expect(() =>
      StateMachine.make(Door, outline, {
        // @ts-expect-error Ajar is not defined
        states: { Shut: everything }
      })
    ).toThrow("Door: state Ajar is named, but not defined")
    expect(() =>
      StateMachine.make(Door, outline, {
        states: { Shut: everything, Ajar: everything, Lost: everything }
      })
    ).toThrow("Door: state Lost is defined, but not named in the outline")
    expect(() =>
      // @ts-expect-error Lost is no state
      StateMachine.make(Door, { ...outline, initial: "Lost" }, {
        states: { Shut: everything, Ajar: everything }
      })
    ).toThrow("Door: the initial state Lost is not defined")
  })

  it("a message has one place in a state, and is one of the protocol", () => {
    const everything = { postpone: ["Open", "Close", "Look"] } as const
    const shut = (Shut: object) => () =>
      StateMachine.make(Door, outline, { states: { Shut, Ajar: everything } } as never)
    expect(shut({ ...everything, on: { Look: () => stay({ reply: "" }) } })).toThrow(
      "Door: state Shut both handles and postpones Look"
    )
    expect(shut({ ...everything, on: { Burn: () => stay() } })).toThrow(
      "Door: state Shut speaks of Burn, which is no message of its protocol"
    )
    expect(shut({ ...everything, timers: { bell: () => stay() } })).toThrow(
      "Door: state Shut speaks of timer bell, which the outline does not name"
    )
  })

  it("a timer that is named needs something to be done when it is due", () => {
    const everything = { postpone: ["Open", "Close", "Look"] } as const
    const states = { Shut: everything, Ajar: everything }
    expect(() =>
      // @ts-expect-error say what is done when timer bell is due
      StateMachine.make(Door, { ...outline, timers: ["bell"] }, { states })
    ).toThrow("Door: timer bell is named, but not defined")
  })

  it("messages that come beside others are refused when the machine is defined", () => {
    for (const kind of [Handling.Beside, Handling.Reentrant]) {
      const Hasty = Actor.make("Hasty", [
        Rpc.make("Now").annotate(kind as typeof Handling.Beside, true)
      ])
      expect(() =>
        StateMachine.make(Hasty, { states: ["On"], initial: "On", data: 0 }, {
          states: { On: { on: { Now: () => stay() } } }
        })
      ).toThrow(/Hasty: .* so Now cannot come beside another/)
    }
  })
})

describe("types", () => {
  const everything = { postpone: ["Open", "Close", "Look"] } as const

  it("states, data, payloads, answers, timers and events are checked where they stand", () => {
    const Doors = StateMachine.make(Door, { ...outline, timers: ["bell"] }, {
      states: {
        Shut: {
          ...everything,
          // @ts-expect-error Lost is no state
          timeout: { after: 1, run: () => goto("Lost") }
        },
        Ajar: {
          entry: ({ from, state }) => {
            const both: readonly ["Shut" | "Ajar", "Ajar"] = [from, state]
            return both.length === 2 ? stay({ data: { opened: 1 } }) : stay()
          },
          // @ts-expect-error a timeout has no asker to answer
          idle: { after: 1, run: () => stay({ reply: "well" }) },
          on: {
            // @ts-expect-error Open answers open or locked
            Open: ({ by }) => stay({ reply: by }),
            // @ts-expect-error the data is no text
            Close: () => stay({ data: "shut" }),
            // @ts-expect-error Look fails with text
            Look: () => Effect.fail(404)
          }
        }
      },
      timers: { bell: () => stay() }
    })
    const More = StateMachine.make(Door, { ...outline, timers: ["bell"] }, {
      states: {
        Shut: {
          on: {
            // @ts-expect-error an answer is missing
            Open: () => stay(),
            // @ts-expect-error Burn is no message of the protocol
            Close: () => goto("Ajar", { next: [event("Burn")] }),
            // @ts-expect-error Open needs a payload
            Look: () => goto("Ajar", { reply: "", next: [event("Open")] })
          }
        },
        Ajar: {
          on: {
            // @ts-expect-error gong is no timer
            Open: () => stay({ reply: "open", start: { gong: 1 } }),
            // @ts-expect-error gong is no timer
            Close: () => stay({ cancel: ["gong"] }),
            // @ts-expect-error postponed to a state that is none
            Look: () => postpone({ goto: "Lost" })
          }
        }
      },
      timers: { bell: () => stay({ start: { bell: "1 second" }, next: [event("Close")] }) }
    })
    expect([Doors.initial, More.states]).toEqual(["Shut", ["Shut", "Ajar"]])
  })

  it("an entry can only stay, and a timeout cannot be postponed", () => {
    const Doors = StateMachine.make(Door, outline, {
      states: {
        Shut: {
          ...everything,
          // @ts-expect-error an entry cannot change the state
          entry: () => goto("Ajar"),
          // @ts-expect-error a timeout cannot wait
          timeout: { after: 1, run: () => postpone() }
        },
        // @ts-expect-error an entry cannot insert events
        Ajar: { ...everything, entry: () => stay({ next: [event("Close")] }) }
      }
    })
    expect(Doors.initial).toBe("Shut")
  })
})
