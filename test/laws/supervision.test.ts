import { describe, expect, it } from "@effect/vitest"
import * as Supervision from "@plantd/actors/Supervision"
import * as Tree from "@plantd/actors/SupervisionTree"
import { Cause } from "effect"
import * as fc from "fast-check"

const withinMillis = 1_000

interface Plan {
  readonly strategy: Tree.Strategy
  readonly children: ReadonlyArray<{
    readonly restart: Tree.RestartType
    readonly policy: "restart" | "stop" | "resume"
  }>
  readonly maxRestarts: number
  readonly delays: boolean
}

/** What happens next; `who` picks one of the children of which it can be said. */
interface Happening {
  readonly what: "obey" | "crash" | "leave" | "fail" | "stop" | "start" | "time"
  readonly who: number
}

const plan: fc.Arbitrary<Plan> = fc.record({
  strategy: fc.constantFrom<Tree.Strategy>("one-for-one", "one-for-all", "rest-for-one"),
  children: fc.array(
    fc.record({
      restart: fc.constantFrom<Tree.RestartType>("permanent", "transient", "temporary"),
      policy: fc.constantFrom("restart", "restart", "restart", "stop", "resume")
    }),
    { minLength: 1, maxLength: 6 }
  ),
  maxRestarts: fc.integer({ min: 0, max: 3 }),
  delays: fc.boolean()
}) as fc.Arbitrary<Plan>

const happenings: fc.Arbitrary<ReadonlyArray<Happening>> = fc.array(
  fc.record({
    what: fc.constantFrom(
      "obey",
      "obey",
      "obey",
      "crash",
      "crash",
      "leave",
      "fail",
      "stop",
      "start",
      "time"
    ),
    who: fc.nat(5)
  }),
  { maxLength: 80 }
)

/** The children as they really are: each has an incarnation, or has not, and a word to obey. */
class World {
  tree: Tree.Tree
  now = 0
  escalated = false
  readonly up = new Map<string, number>()
  readonly told = new Map<string, Tree.Command>()
  readonly restartsOf = new Map<string, Array<number>>()
  readonly log: Array<string> = []
  readonly maxRestarts: number

  constructor({ children, delays, maxRestarts, strategy }: Plan) {
    this.maxRestarts = maxRestarts
    const restart = Supervision.restart({
      maxRestarts,
      within: withinMillis,
      backoff: { min: delays ? "10 millis" : 0, factor: 2, jitter: 0 }
    }) as Tree.RestartPolicy
    const policies = { restart, stop: Supervision.stop, resume: Supervision.resume }
    this.tree = Tree.make(
      strategy,
      children.map((child, index) => ({
        id: `c${index}`,
        restart: child.restart,
        supervision: () => policies[child.policy],
        intensity: restart,
        dynamic: false
      }))
    )
    this.proceed()
  }

  index(id: string): number {
    return Number(id.slice(1))
  }

  happen({ what, who }: Happening): void {
    const running = [...this.up.keys()]
    const waitingToObey = [...this.told.keys()]
    const ids = this.tree.children.map((child) => child.spec.id)
    const pick = (from: ReadonlyArray<string>) => from[who % Math.max(1, from.length)]
    const [id, act] = what === "obey"
      ? [pick(waitingToObey), this.obey] as const
      : what === "crash"
      ? [pick(running), this.crash] as const
      : what === "leave"
      ? [pick(running), this.leave] as const
      : what === "fail"
      ? [pick(waitingToObey.filter((told) => this.told.get(told)?._tag === "Start")), this.fail]
      : what === "stop"
      ? [pick(ids), this.stop] as const
      : what === "start"
      ? [pick(ids), this.start] as const
      : ["c0", this.pass] as const
    if (id !== undefined) act.call(this, id)
    this.proceed()
  }

  /** Everything that was told is done, and time passes until nothing is left to do. */
  rest(): void {
    for (let round = 0; round < 1_000; round++) {
      // The last told first: were two told at once, the wrong one would obey.
      const id = [...this.told.keys()].at(-1)
      if (id !== undefined) this.obey(id)
      else {
        const due = Tree.nextDue(this.tree, this.now)
        if (due === undefined) return
        this.now = due
      }
      this.proceed()
    }
    throw new Error("the tree never comes to rest")
  }

  private readonly obey = (id: string): void => {
    const command = this.told.get(id)
    if (command === undefined) return
    this.told.delete(id)
    if (command._tag === "Start") {
      this.up.set(id, this.now)
      this.log.push(`up ${id}`)
      this.tree = Tree.onStarted(this.tree, id)
    } else {
      if (this.up.delete(id)) this.log.push(`down ${id}`)
      this.exit(
        id,
        command._tag === "Hold"
          ? { _tag: "Held", cause: undefined }
          : { _tag: "Ended", reason: command.reason }
      )
    }
  }

  private readonly crash = (id: string): void => {
    const [tree, way] = Tree.onCrash(this.tree, id, broken)
    this.tree = tree
    if (way === "resume") return
    this.down(id)
    this.exit(id, { _tag: "Held", cause: broken })
  }

  private readonly leave = (id: string): void => {
    this.down(id)
    this.exit(id, { _tag: "Stopped", reason: "stopped" })
  }

  private readonly fail = (id: string): void => {
    this.told.delete(id)
    this.exit(id, { _tag: "Held", cause: broken })
  }

  private readonly stop = (id: string): void => {
    this.tree = Tree.stop(this.tree, id)
  }

  private readonly start = (id: string): void => {
    this.tree = Tree.start(this.tree, id)
  }

  private readonly pass = (): void => {
    this.now += 50
  }

  private down(id: string): void {
    this.up.delete(id)
    this.log.push(`down ${id}`)
    // A child that ends while it is told to end has done so; a stop is still to be confirmed.
    if (this.told.get(id)?._tag === "Hold") this.told.delete(id)
  }

  private exit(id: string, exit: Tree.ChildExit): void {
    const facts = { now: this.now, startedAt: this.now, random: 0 }
    const [tree, decision] = Tree.onExit(this.tree, id, exit, facts)
    this.tree = tree
    if (decision._tag === "Escalate") this.escalated = true
    if (decision._tag !== "Restart") return
    const times = this.restartsOf.get(id) ?? []
    this.restartsOf.set(id, [...times, this.now])
    expect(decision.stop.map((other) => this.index(other))).toEqual(
      decision.stop.map((other) => this.index(other)).toSorted((a, b) => b - a)
    )
    expect(decision.stop).not.toContain(id)
    expect(decision.start).toContain(id)
  }

  private proceed(): void {
    const [tree, commands] = Tree.proceed(this.tree, this.now)
    this.tree = tree
    for (const command of commands) {
      expect(this.told.get(command.id)?._tag).not.toBe(command._tag)
      if (command._tag === "Start") expect(this.up.has(command.id)).toBe(false)
      this.told.set(command.id, command)
    }
  }
}

const broken = Cause.die("broken")

const play = (plan: Plan, story: ReadonlyArray<Happening>): World => {
  const world = new World(plan)
  for (const happening of story) {
    if (world.escalated) break
    world.happen(happening)
  }
  return world
}

const check = (law: (world: World, plan: Plan) => void) =>
  fc.assert(
    fc.property(plan, happenings, (plan, story) => law(play(plan, story), plan)),
    { numRuns: 500 }
  )

describe("supervision", () => {
  it("restarts no child more often than allowed within any window", () =>
    check(({ maxRestarts, restartsOf }) => {
      for (const times of restartsOf.values()) {
        for (const at of times) {
          const within = times.filter((other) => other <= at && at - other < withinMillis)
          expect(within.length).toBeLessThanOrEqual(maxRestarts)
        }
      }
    }))

  it("starts the children in order and stops them in reverse", () =>
    check((world) => {
      world.rest()
      const before = [...world.up.keys()].sort()
      world.log.length = 0
      world.tree = Tree.end(world.tree, "shutdown")
      world.happen({ what: "time", who: 0 })
      world.rest()
      expect(Tree.isEnded(world.tree)).toBe(true)
      expect(world.log).toEqual(before.reverse().map((id) => `down ${id}`))
    }))

  it("leaves running what its strategy says, once it has come to rest", () =>
    check((world) => {
      world.rest()
      if (world.escalated) return
      for (const { phase, spec } of world.tree.children) {
        expect(["running", "stopped"]).toContain(phase)
        expect(world.up.has(spec.id)).toBe(phase === "running")
      }
      const known = world.tree.children.map((child) => child.spec.id)
      for (const id of world.up.keys()) expect(known).toContain(id)
    }))

  it("restarts all, the rest, or one: those and no others", () =>
    check((world, { strategy }) => {
      world.rest()
      const victim = world.tree.children.find((child) =>
        child.phase === "running" && child.spec.restart !== "temporary"
        && child.spec.supervision(broken)._tag === "Restart"
      )
      if (world.escalated || victim === undefined) return
      world.now += 60_000
      world.log.length = 0
      const { id } = victim.spec
      const old = world.tree.children
      const [tree, decision] = Tree.onExit(
        world.tree,
        id,
        { _tag: "Held", cause: broken },
        { now: world.now, startedAt: world.now, random: 0 }
      )
      world.up.delete(id)
      world.tree = tree
      if (decision._tag !== "Restart") return
      world.happen({ what: "time", who: 0 })
      world.rest()
      const group = old.filter((child) =>
        strategy === "one-for-all" || child.spec.id === id
        || (strategy === "rest-for-one" && world.index(child.spec.id) > world.index(id))
      )
      const ended = group.filter((child) => child.phase === "running" && child.spec.id !== id)
      const begun = group.filter((child) =>
        child.phase === "running" ? child.spec.restart !== "temporary" : child.reason === "stopped"
      )
      expect(world.log).toEqual([
        ...ended.map((child) => `down ${child.spec.id}`).reverse(),
        ...begun.map((child) => `up ${child.spec.id}`)
      ])
    }))
})
