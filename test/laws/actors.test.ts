import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorContext, ActorSystem, Supervision } from "@plantd/actors"
import type { LifecycleEvent, Mailbox } from "@plantd/actors"
import { Context, Effect, type Exit, Fiber, Layer, Schema, Stream } from "effect"
import * as fc from "fast-check"
import { SwiftClock } from "./swiftClock.ts"

const messagesMax = 40
const receivers = ["a", "b"] as const
const maxRestarts = 1
const withinMillis = 200

/** How a message is handled. */
const manner = fc.constantFrom(
  "at once",
  "at once",
  "with yields",
  "with yields",
  "for 5 ms",
  "for 30 ms",
  "throw",
  "die later",
  "fail"
)

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      _tag: fc.constantFrom("tell" as const, "ask" as const),
      to: fc.constantFrom(...receivers),
      manner,
      timeout: fc.constantFrom(4, 25, 5_000)
    })
  },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("yield" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("sleep" as const),
      millis: fc.constantFrom(1, 4, 10, 40, 120)
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ _tag: fc.constant("interrupt" as const), which: fc.nat(messagesMax) })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constantFrom("stop" as const, "revive" as const, "start" as const),
      to: fc.constantFrom(...receivers)
    })
  }
)

const plan = fc.record({
  senders: fc.array(fc.array(step, { maxLength: 13, size: "max" }), {
    minLength: 1,
    maxLength: 3,
    size: "max"
  }),
  mailbox: fc.record({
    capacity: fc.integer({ min: 1, max: 4 }),
    overflow: fc.constantFrom<Mailbox.Overflow>(
      "backpressure",
      "backpressure",
      "reject",
      "drop-oldest",
      "drop-newest"
    )
  }),
  concurrency: fc.constantFrom(1, 1, 3),
  delay: fc.constantFrom(0, 4, 10),
  slowBuild: fc.boolean()
})
type PlanOf<A> = A extends fc.Arbitrary<infer T> ? T : never
type Plan = PlanOf<typeof plan>
type Message = Extract<PlanOf<typeof step>, { readonly _tag: "tell" | "ask" }>

/** One message that was sent, and everything that is known of its fate. */
interface Sent {
  readonly number: number
  readonly sender: number
  readonly message: Message
  handled: number
  deadLetters: number
  withdrawn: boolean
  outcome: Exit.Exit<void, unknown> | undefined
}

/** Each message has a tag of its own, so that its dead letter can be told from others. */
const Receiver = Actor.make(
  "Receiver",
  Array.from({ length: messagesMax }, (_, n) => Rpc.make(`M${n}`, { error: Schema.String }))
)

interface World {
  readonly sent: ReadonlyArray<Sent>
  /** The numbers of the messages that each receiver handled, in order. */
  readonly log: Readonly<Record<string, ReadonlyArray<number>>>
  readonly events: ReadonlyArray<LifecycleEvent.LifecycleEvent>
  readonly backlogMax: number
  readonly backlogLast: number
  /** The most handlers that one actor had at work at a time. */
  readonly handlersMax: number
}

const handle = (manner: Message["manner"]): Effect.Effect<void, string> => {
  switch (manner) {
    case "at once":
      return Effect.void
    case "with yields":
      return Effect.repeatN(Effect.yieldNow(), 2)
    case "for 5 ms":
      return Effect.sleep("5 millis")
    case "for 30 ms":
      return Effect.sleep("30 millis")
    case "die later":
      return Effect.zipRight(Effect.yieldNow(), Effect.die("later"))
    default:
      return Effect.fail("no")
  }
}

/** Runs a plan to its end, and until nothing moves any more. */
const run = (plan: Plan) =>
  Effect.gen(function*() {
    const clock = new SwiftClock()
    const sent: Array<Sent> = []
    const log: Record<string, Array<number>> = { a: [], b: [] }
    const atWork: Record<string, number> = { a: 0, b: 0 }
    const most = { backlog: 0, handlers: 0 }
    const count = (id: string, by: number) =>
      Effect.sync(() => {
        const now = (atWork[id] ?? 0) + by
        atWork[id] = now
        most.handlers = Math.max(most.handlers, now)
      })
    const counted = <A, E>(id: string, body: Effect.Effect<A, E>) =>
      Effect.acquireUseRelease(count(id, 1), () => body, () => count(id, -1))
    const ReceiverLive = Receiver.toLayer(
      Effect.gen(function*() {
        const { id } = (yield* ActorContext).address
        if (plan.slowBuild) yield* Effect.sleep("3 millis")
        const handler = (number: number) => () => {
          const one = sent[number]
          if (one === undefined) throw new Error("a message that nobody sent")
          one.handled++
          log[id]?.push(number)
          const { manner } = one.message
          if (manner === "throw") throw new Error("thrown")
          return manner === "at once" ? Effect.void : counted(id, handle(manner))
        }
        return Object.fromEntries(
          Array.from({ length: messagesMax }, (_, n) => [`M${n}`, handler(n)])
        )
      }),
      {
        mailbox: plan.mailbox,
        concurrency: plan.concurrency,
        shutdownTimeout: "50 millis",
        supervision: Supervision.restart({
          maxRestarts,
          within: withinMillis,
          backoff: { min: plan.delay, max: plan.delay, jitter: 0 }
        })
      }
    )
    const services = yield* Effect.withClock(
      Layer.build(
        Layer.provideMerge(ReceiverLive, ActorSystem.layerWith({ linesLogged: 0 }))
      ),
      clock
    )
    const system = Context.get(services, ActorSystem)
    const client = yield* Effect.provide(Receiver.client, services)
    const events: Array<LifecycleEvent.LifecycleEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(system.events, (event) => Effect.sync(() => void events.push(event)))
    )
    yield* clock.advance(0)
    const look = Effect.map(
      Effect.forEach(receivers, (id) => system.backlog(Receiver.at(id))),
      (backlogs) => {
        most.backlog = Math.max(most.backlog, ...backlogs)
        return Math.max(...backlogs)
      }
    )

    const send = (message: Message, sender: number) => {
      const one: Sent = {
        number: sent.length,
        sender,
        message,
        handled: 0,
        deadLetters: 0,
        withdrawn: false,
        outcome: undefined
      }
      sent.push(one)
      const method = client(message.to)[`M${one.number}`] as unknown as (
        payload: undefined,
        options: { readonly discard: true } | { readonly timeout: number }
      ) => Effect.Effect<void, unknown>
      const sending = message._tag === "tell"
        ? method(undefined, { discard: true })
        : method(undefined, { timeout: message.timeout })
      const kept = Effect.onExit(sending, (exit) => Effect.sync(() => void (one.outcome = exit)))
      return Effect.map(
        // After one yield the fork has come to where it waits: it was sent before all that follows.
        Effect.zipLeft(Effect.forkDaemon(kept), Effect.yieldNow()),
        (fiber) => ({ fiber, one })
      )
    }

    const sender = (steps: Plan["senders"][number], index: number) =>
      Effect.gen(function*() {
        const mine: Array<{ readonly fiber: Fiber.Fiber<void, unknown>; readonly one: Sent }> = []
        for (const step of steps) {
          yield* look
          switch (step._tag) {
            case "tell":
            case "ask": {
              if (sent.length >= messagesMax) return
              mine.push(yield* send(step, index))
              break
            }
            case "interrupt": {
              const chosen = mine[step.which % Math.max(1, mine.length)]
              if (chosen === undefined || chosen.one.outcome !== undefined) break
              chosen.one.withdrawn = true
              yield* Fiber.interruptFork(chosen.fiber)
              break
            }
            case "sleep":
              yield* Effect.sleep(step.millis)
              break
            case "yield":
              yield* Effect.yieldNow()
              break
            case "stop":
              yield* Effect.forkDaemon(system.stop(Receiver.at(step.to)))
              break
            case "revive":
              yield* system.revive(Receiver.at(step.to))
              break
            case "start":
              yield* Effect.forkDaemon(Effect.exit(system.start(Receiver.at(step.to))))
              break
          }
        }
      })
    const senders = yield* Effect.fork(Effect.withClock(
      Effect.forEach(plan.senders, sender, { concurrency: "unbounded" }),
      clock
    ))
    for (let round = 0; round < 6; round++) {
      yield* clock.advance(5)
      yield* look
    }
    yield* clock.advance(2_000)
    yield* Fiber.join(senders)
    yield* clock.advance(60_000)
    const backlogLast = yield* look
    for (const event of events) {
      if (event._tag !== "DeadLetter") continue
      const one = sent[Number(event.tag.slice(1))]
      if (one !== undefined) one.deadLetters++
    }
    const world: World = {
      sent,
      log,
      events,
      backlogMax: most.backlog,
      backlogLast,
      handlersMax: most.handlers
    }
    return world
  }).pipe(Effect.scoped)

const isToldTruly = ({ handled, message, outcome }: Sent): boolean => {
  if (outcome === undefined) return false
  if (outcome._tag === "Success") return message._tag === "tell" || handled === 1
  const failure = outcome.cause._tag === "Fail" ? outcome.cause.error : outcome.cause
  const { _tag: tag, outcome: known } = failure as { _tag?: string; outcome?: string }
  const wasHandled = failure === "no" || tag === "ActorCrashed" || known === "unknown"
  return handled === (wasHandled ? 1 : 0)
}

const options = { fastCheck: { numRuns: 150 } }

describe("whatever several senders ask, tell, interrupt, stop and crash at the same time", () => {
  it.live.prop(
    "messages of one sender to one actor are handled in the order sent",
    [plan],
    ([plan]) =>
      Effect.map(run(plan), ({ log, sent }) => {
        for (const id of receivers) {
          plan.senders.forEach((_, sender) => {
            const numbers = (log[id] ?? []).filter((number) => sent[number]?.sender === sender)
            expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
          })
        }
      }),
    options
  )

  it.live.prop("each message is handled once, or a dead letter once, or was taken back", [plan], ([
    plan
  ]) =>
    Effect.map(run(plan), ({ backlogLast, sent }) => {
      expect(backlogLast).toBe(0)
      const wrong = sent.filter(({ deadLetters, handled, withdrawn }) => {
        const fates = handled + deadLetters
        return withdrawn ? fates > 1 : fates !== 1
      })
      expect(wrong).toEqual([])
    }), options)

  it.live.prop(
    "what a sender is told of its message is true",
    [plan],
    ([plan]) =>
      Effect.map(run(plan), ({ sent }) => {
        expect(sent.filter((one) => !one.withdrawn && !isToldTruly(one))).toEqual([])
      }),
    options
  )

  it.live.prop("an actor has no more handlers at work than its concurrency allows", [plan], ([
    plan
  ]) =>
    Effect.map(run(plan), ({ handlersMax }) => {
      expect(handlersMax).toBeLessThanOrEqual(plan.concurrency)
    }), options)

  it.live.prop(
    "no mailbox holds more than its capacity",
    [plan],
    ([plan]) =>
      Effect.map(run(plan), ({ backlogMax }) => {
        if (plan.mailbox.overflow !== "backpressure") {
          expect(backlogMax).toBeLessThanOrEqual(plan.mailbox.capacity)
        }
      }),
    options
  )

  it.live.prop("no window sees more restarts of an actor than its supervision allows", [plan], ([
    plan
  ]) =>
    Effect.map(run(plan), ({ events }) => {
      for (const id of receivers) {
        let restarts: Array<number> = []
        let incarnation = 0
        for (const event of events) {
          if (!("address" in event) || event.address.id !== id) continue
          if (event._tag === "Stopped") {
            restarts = []
            incarnation = 0
          } else if (event._tag === "Restarting") {
            restarts = [...restarts.filter((at) => event.at - at < withinMillis), event.at]
            expect(restarts.length).toBeLessThanOrEqual(maxRestarts)
          } else if (event._tag === "Started") {
            expect(event.incarnation).toBe(incarnation + 1)
            incarnation = event.incarnation
          } else if (event._tag === "Crashed" && event.incarnation > incarnation) {
            incarnation = event.incarnation
          }
        }
      }
    }), options)

  it.live("the programs come to all that they are about", () =>
    Effect.gen(function*() {
      const count: Record<string, number> = {}
      for (const sample of fc.sample(plan, { numRuns: 60, seed: 1 })) {
        const { backlogMax, events, handlersMax, sent } = yield* run(sample)
        const seen = [
          ...events.map((event) => {
            if (event._tag === "DeadLetter") return event.reason
            return event._tag === "Stopped" ? event.reason : event._tag
          }),
          ...sent.filter(({ withdrawn }) => withdrawn).map(() => "withdrawn"),
          backlogMax > 2 ? "backlog" : "none",
          handlersMax > 1 ? "side by side" : "none"
        ]
        for (const what of seen) count[what] = (count[what] ?? 0) + 1
      }
      const about = ["Started", "Crashed", "Restarting", "stopped", "restart-limit", "expired"]
      const all = [...about, "overflow", "withdrawn", "backlog", "side by side"]
      expect(all.filter((what) => (count[what] ?? 0) <= 3)).toEqual([])
    }))
})
