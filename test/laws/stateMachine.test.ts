import { Rpc } from "@effect/rpc"
import { expect, it } from "@effect/vitest"
import { Actor, ActorSystem } from "@plantd/actors"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Effect, Layer, Schema } from "effect"
import * as fc from "fast-check"

const names = ["A", "B", "C"] as const
type Name = typeof names[number]

/** What is done with a message or an inserted event, by the state it meets. */
type Rule =
  | { readonly _tag: "handle"; readonly inserts: number }
  | { readonly _tag: "go"; readonly to: Name; readonly inserts: number }
  | { readonly _tag: "postpone"; readonly inserts: number }
  /** Only to a later state: else two messages could send each other to and fro for ever. */
  | { readonly _tag: "postponeAndGo"; readonly to: Name; readonly inserts: number }

interface Item {
  readonly kind: "message" | "inserted"
  readonly number: number
  readonly rule: Readonly<Record<Name, Rule>>
}

const inserts = (many: boolean) => many ? fc.constantFrom(0, 0, 1, 2) : fc.constant(0)

const ruleIn = (state: Name, many: boolean): fc.Arbitrary<Rule> => {
  const later = names.slice(names.indexOf(state) + 1)
  const rules: Array<fc.Arbitrary<Rule>> = [
    fc.record({ _tag: fc.constant("handle" as const), inserts: inserts(many) }),
    fc.record({
      _tag: fc.constant("go" as const),
      to: fc.constantFrom(...names),
      inserts: inserts(many)
    }),
    fc.record({ _tag: fc.constant("postpone" as const), inserts: inserts(many) })
  ]
  if (later.length > 0) {
    rules.push(fc.record({
      _tag: fc.constant("postponeAndGo" as const),
      to: fc.constantFrom(...later),
      inserts: inserts(many)
    }))
  }
  return fc.oneof(...rules)
}

const ruleOf = (many: boolean) =>
  fc.record({ A: ruleIn("A", many), B: ruleIn("B", many), C: ruleIn("C", many) })

const plan = fc.record({
  messages: fc.array(ruleOf(true), { maxLength: 12 }),
  inserted: fc.array(ruleOf(false), { minLength: 4, maxLength: 4 })
})
type Plan = { readonly [K in "messages" | "inserted"]: ReadonlyArray<Item["rule"]> }

/**
 * The events that the handling of an item inserts: a message does it the first time only, else one
 * that is postponed could drive the machine round for ever.
 */
const inserter = ({ inserted }: Plan) => {
  const seen = new Set<number>()
  return (item: Item, state: Name): ReadonlyArray<Item> => {
    if (item.kind === "inserted" || seen.has(item.number)) return []
    seen.add(item.number)
    return Array.from({ length: item.rule[state].inserts }, (_, index) => {
      const number = (item.number + index) % inserted.length
      return { kind: "inserted", number, rule: inserted[number] as Item["rule"] }
    })
  }
}

const said = (state: string, item: Item) => `${item.kind} ${item.number} in ${state}`

/**
 * What gen_statem does, as its documentation says it: one queue of events; at a change of state
 * those that were postponed go before it, oldest first; inserted events go before all. The one
 * difference: postponed events that were inserted go before postponed messages.
 */
const expected = (given: Plan): ReadonlyArray<string> => {
  const log: Array<string> = []
  const insertedBy = inserter(given)
  let state: Name = "A"
  let postponed: Array<Item> = []
  let queue: Array<Item> = given.messages.map((rule, number) => ({ kind: "message", number, rule }))
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    const rule: Rule = item.rule[state]
    log.push(said(state, item))
    const next = insertedBy(item, state)
    if (rule._tag === "postpone" || rule._tag === "postponeAndGo") postponed.push(item)
    const to: Name = "to" in rule ? rule.to : state
    if (to !== state) {
      queue = [...postponed, ...queue]
      postponed = []
    }
    queue = [...next, ...queue]
    queue = [
      ...queue.filter(({ kind }) => kind === "inserted"),
      ...queue.filter(({ kind }) => kind === "message")
    ]
    state = to
  }
  return log
}

const Any = Actor.make("Any", [
  Rpc.make("Take", { payload: { item: Schema.Unknown } }),
  Rpc.make("Ready")
])

const machine = (given: Plan, log: Array<string>) => {
  const insertedBy = inserter(given)
  const take = (item: Item, state: Name) => {
    log.push(said(state, item))
    const rule = item.rule[state]
    const next = insertedBy(item, state).map((item) => StateMachine.event("Take", { item }))
    switch (rule._tag) {
      case "handle":
        return StateMachine.stay({ next })
      case "go":
        return StateMachine.goto(rule.to, { next })
      case "postpone":
        return StateMachine.postpone({ next })
      case "postponeAndGo":
        return StateMachine.postpone({ goto: rule.to, next })
    }
  }
  return StateMachine.make(Any, { states: names, initial: "A", data: undefined }, {
    states: { A: {}, B: {}, C: {} },
    common: {
      Take: ({ item }, { state }) => take(item as Item, state),
      Ready: () => StateMachine.stay()
    }
  })
}

const observed = (given: Plan) => {
  const log: Array<string> = []
  const layer = Any.toLayer(StateMachine.build(machine(given, log)))
  return Effect.gen(function*() {
    const any = (yield* Any.client)("a")
    const system = yield* ActorSystem
    for (const [number, rule] of given.messages.entries()) {
      const item: Item = { kind: "message", number, rule }
      yield* any.Take({ item }, { discard: true })
      yield* Effect.when(Effect.yieldNow(), () => number % 3 === 2)
    }
    yield* any.Ready()
    yield* system.stop({ type: "Any", id: "a" })
    return log
  }).pipe(
    Effect.provide(Layer.provideMerge(layer, ActorSystem.layerWith({ linesLogged: 0 })))
  )
}

it("messages, postponed ones and inserted events are handled in gen_statem's order", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (given) => {
      expect(await Effect.runPromise(observed(given))).toEqual(expected(given))
    }),
    { numRuns: 500 }
  )
}, 60_000)
