/** What a workload sees of its simulated cluster. */
import type { Rpc } from "@effect/rpc"
import type { Actor, ActorAddress, ActorSystem } from "@plantd/actors"
import { Duration, Effect, type Exit } from "effect"
import type { Fault, Kind } from "../Faults.ts"
import type { Chaos } from "./chaos.ts"
import type { Checks } from "./checks.ts"
import { type Chance, chanceOf } from "./chance.ts"
import type { Lives, Start } from "./lives.ts"
import type { Site } from "./site.ts"
import type { World } from "./world.ts"

/** One ask or tell of the workload. */
export interface Call {
  readonly type: string
  readonly id: string
  readonly tag: string
  readonly payload: unknown
  /** In virtual milliseconds. */
  readonly begun: number
  ended: number | undefined
  /** How it ended. */
  exit: Exit.Exit<unknown, unknown> | undefined
}

/** One node, to act upon. What is done to it ends after a time, where one is given. */
export interface SimNode {
  readonly name: string
  readonly isUp: boolean
  /** Whether the actors of an id may run on it now. */
  readonly isHere: (id: string) => boolean
  /** The actors that are alive on it, as far as it has told. */
  readonly residents: () => ReadonlyArray<ActorAddress.ActorAddress>
  readonly kill: Effect.Effect<void>
  readonly powerLoss: Effect.Effect<void>
  readonly stop: Effect.Effect<void>
  readonly restart: Effect.Effect<void>
  readonly pause: (time: Duration.DurationInput) => Effect.Effect<void>
  readonly isolate: (time: Duration.DurationInput) => Effect.Effect<void>
}

/** A simulated cluster, and the plant behind its devices. */
export interface Sim<P> {
  readonly seed: number
  readonly plant: P
  readonly nodes: ReadonlyArray<SimNode>
  /** In virtual milliseconds since the beginning. */
  readonly now: () => number
  /** Asks that have not ended. */
  readonly pending: () => number
  /** All asks and tells of the workload, in order. */
  readonly history: ReadonlyArray<Call>
  /** Randomness that follows from the seed, at least 0 and below 1. */
  readonly random: Chance
  /** Clients that ask from a node of their own, which runs no actors, and write it down. */
  readonly client: <Name extends string, Rpcs extends Rpc.Any>(
    actor: Actor.Actor<Name, Rpcs>
  ) => (id: string) => Actor.Client<Rpcs>
  /** Runs an effect as the tester's node does: with the clients of devices, for example. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, ActorSystem>) => Effect.Effect<A, E>
  /** The nodes on which the actors of an id may run now: never more than one. */
  readonly owners: (id: string) => ReadonlyArray<SimNode>
  /** Waits until there is one. */
  readonly ownerOf: (actor: { readonly name: string }, id: string) => Effect.Effect<SimNode>
  /** How often an actor has started on another node than before. */
  readonly moves: (actor: { readonly name: string }, id: string) => number
  /** When and where the incarnations of an actor were built, in order. */
  readonly starts: (actor: { readonly name: string }, id: string) => ReadonlyArray<Start>
  /** Lets virtual time go by. */
  readonly advance: (time: Duration.DurationInput) => Effect.Effect<void>
  /** Lets virtual time go by until something holds; fails the run where it does not. */
  readonly until: (
    what: string,
    holds: () => boolean,
    options?: { readonly within: Duration.DurationInput }
  ) => Effect.Effect<void>
  readonly partition: (
    one: SimNode,
    other: SimNode,
    time: Duration.DurationInput
  ) => Effect.Effect<void>
  /** Does any fault that a plan may have: `atMillis` counts from now. */
  readonly inject: (fault: Fault) => Effect.Effect<void>
  /** Ends all faults, those of a plan that are to come too, and starts what is down. */
  readonly heal: Effect.Effect<void>
  /** To hold after each step of a node and of the plant, from now on. */
  readonly always: (name: string, holds: () => boolean) => void
  /** To hold some time after the workload, with all faults over: 60 s where nothing is said. */
  readonly eventually: (
    name: string,
    holds: () => boolean,
    options?: { readonly within: Duration.DurationInput }
  ) => void
  /** To have held once in one of many runs. */
  readonly sometimes: (name: string, holds: () => boolean) => void
  /** Fails the run. */
  readonly fail: (check: string, detail: string) => void
  /** Fails the run where a checker has found something. */
  readonly check: (name: string, finding: string | undefined) => void
  /** Writes something into the trace. */
  readonly note: (text: string) => void
}

/** What a workload's view is made of. */
export interface SimGround<P> {
  readonly seed: number
  readonly world: World
  /** Nodes that run actors. */
  readonly sites: ReadonlyArray<Site>
  readonly chaos: Chaos
  readonly tester: Site
  readonly plant: P
  readonly checks: Checks
  readonly lives: Lives
}

/** How long `eventually` waits, when nothing is said. */
const withinDefault: Duration.DurationInput = "60 seconds"

/** How often `ownerOf` looks. */
const lookMillis = 50

/** What a workload sees. */
export const simOf = <P>(ground: SimGround<P>): Sim<P> => {
  const { chaos, checks, lives, plant, seed, sites, world } = ground
  const history: Array<Call> = []
  const counts = { pending: 0 }
  const nodes = sites.map((_, index) => nodeOf(ground, index))
  const owners = (id: string) => nodes.filter((node) => node.isHere(id))
  const ownerOf = (id: string): Effect.Effect<SimNode> =>
    Effect.suspend(() => {
      const [owner] = owners(id)
      return owner === undefined
        ? Effect.delay(ownerOf(id), lookMillis)
        : Effect.succeed(owner)
    })
  return {
    seed,
    plant,
    nodes,
    history,
    now: () => world.now,
    pending: () => counts.pending,
    random: chanceOf(seed, "workload"),
    client: (actor) => recorded(ground, { actor, history, counts }),
    run: (effect) => Effect.suspend(() => Effect.provide(effect, contextOf(ground.tester))),
    owners,
    ownerOf: (_, id) => ownerOf(id),
    moves: ({ name: type }, id) => lives.moves({ type, id }),
    starts: ({ name: type }, id) => lives.starts({ type, id }),
    advance: (time) => Effect.sleep(time),
    until: (what, holds, options) => {
      const millis = Duration.toMillis(options?.within ?? withinDefault)
      const again = (until: number): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (holds()) return Effect.void
          if (world.now < until) return Effect.delay(again(until), lookMillis)
          checks.violate({ check: what, detail: `not within ${millis} ms`, at: world.now })
          return Effect.never
        })
      return Effect.suspend(() => again(world.now + millis))
    },
    partition: (one, other, time) =>
      Effect.sync(() => {
        world.note("world", "fault", `partition of ${one.name} and ${other.name}`)
        const [node, beyond] = [nodes.indexOf(one), nodes.indexOf(other)]
        chaos.begin({ ...faultOf("partition", node, time), other: beyond })
      }),
    inject: (fault) => Effect.sync(() => chaos.schedule([fault])),
    heal: Effect.sync(() => chaos.healAll()),
    always: (name, holds) => checks.addAlways(name, holds),
    eventually: (name, holds, options) =>
      checks.addEventually(name, holds, Duration.toMillis(options?.within ?? withinDefault)),
    sometimes: (name, holds) => checks.addSometimes(name, holds),
    fail: (check, detail) => checks.violate({ check, detail, at: world.now }),
    check: (check, detail) => {
      if (detail !== undefined) checks.violate({ check, detail, at: world.now })
    },
    note: (text) => world.note("tester", "note", text)
  }
}

/** A fault of one node that begins at once. */
const faultOf = (kind: Kind, node: number, time: Duration.DurationInput): Fault => ({
  kind,
  node,
  other: node,
  atMillis: 0,
  forMillis: Duration.toMillis(time),
  strength: 0
})

const nodeOf = <P>({ chaos, lives, sites, world }: SimGround<P>, index: number): SimNode => {
  const site = sites[index]
  if (site === undefined) throw new Error(`there is no node ${index}`)
  const act = (what: string, run: () => void) =>
    Effect.sync(() => {
      world.note(site.name, "fault", what)
      run()
    })
  const actFor = (kind: "pause" | "isolate") => (time: Duration.DurationInput) =>
    act(kind, () => void chaos.begin(faultOf(kind, index, time)))
  return {
    name: site.name,
    get isUp() {
      return site.isUp
    },
    isHere: (id) => site.isHere(id),
    residents: () => site.machine === undefined ? [] : lives.residents(site.machine),
    kill: act("kill", () => site.kill()),
    powerLoss: act("powerLoss", () => site.losePower()),
    stop: act("stop", () => site.stop()),
    restart: act("restart", () => site.start()),
    pause: actFor("pause"),
    isolate: actFor("isolate")
  }
}

const contextOf = ({ context }: Site) => {
  if (context === undefined) throw new Error("the tester has not joined")
  return context
}

interface Recording<Name extends string, Rpcs extends Rpc.Any> {
  readonly actor: Actor.Actor<Name, Rpcs>
  readonly history: Array<Call>
  readonly counts: { pending: number }
}

type Method = (payload: unknown, options: unknown) => Effect.Effect<unknown, unknown>

/** Clients of the tester's node, whose calls are written down. */
const recorded = <P, Name extends string, Rpcs extends Rpc.Any>(
  { tester, world }: SimGround<P>,
  { actor, counts, history }: Recording<Name, Rpcs>
) => {
  const clients = Effect.runSync(Effect.provide(actor.client, contextOf(tester)))
  return (id: string): Actor.Client<Rpcs> =>
    new Proxy<object>(clients(id), {
      get: (client, tag) => {
        const method = Reflect.get(client, tag) as Method
        if (typeof tag !== "string" || typeof method !== "function") return method
        return (payload: unknown, options: unknown) => {
          const result = method(payload, options)
          // A stream is read as it is.
          if (!Effect.isEffect(result)) return result
          return Effect.suspend(() => {
            const begun = world.now
            const call: Call = {
              type: actor.name,
              id,
              tag,
              payload,
              begun,
              ended: undefined,
              exit: undefined
            }
            history.push(call)
            counts.pending++
            return Effect.onExit(
              result,
              (exit) =>
                Effect.sync(() => {
                  counts.pending--
                  call.ended = world.now
                  call.exit = exit
                })
            )
          })
        }
      }
    }) as Actor.Client<Rpcs>
}
