import { describe, expect, it } from "@effect/vitest"
import { Remembered, RememberedStore, Supervision, Supervisor } from "@plantd/actors"
import { Effect, Layer, Logger } from "effect"
import { idOn, ids, inItsTime, Keeper, makeCluster, type Node, shared, untilSo } from "./nodes.ts"

const residents = ({ system }: Node) => Effect.map(system.stats, ({ actors }) => actors)

describe("actors that are to be alive", () => {
  it.scoped("are started by a successor of whom nobody asks anything, each once", () =>
    Effect.gen(function*() {
      const { book, start } = yield* makeCluster
      const store = yield* Layer.build(RememberedStore.layerMemory)
      const also = Layer.provide(Remembered.layer([Keeper]), Layer.succeedContext(store))
      const [first, second] = yield* inItsTime(
        Effect.all([start(7_001, {}, also), start(7_002, {}, also)])
      )
      yield* shared(first, second)
      const there = ids.filter(second.cluster.isHere).slice(0, 8)
      yield* inItsTime(Effect.forEach(there, (id) => first.keeper(id).Note({ entry: 1 })))
      yield* second.vanish
      // Its own incarnations are counted still, as they were not ended.
      yield* untilSo(
        "all are alive with the first",
        Effect.sync(() => there.every((id) => first.system.engine.isAlive("Keeper", id)))
      )
      expect(book.notes).toHaveLength(there.length)
    }))

  it.scoped("singletons run on one node, and move with it", () =>
    Effect.gen(function*() {
      const { book, start } = yield* makeCluster
      const also = Remembered.always(Keeper.at("k-0"))
      const nodes = yield* inItsTime(Effect.all([start(7_001, {}, also), start(7_002, {}, also)]))
      yield* shared(...nodes)
      yield* untilSo("it is alive", Effect.sync(() => book.alive.get("k-0") === 1))
      const owner = nodes.find(({ cluster }) => cluster.isHere("k-0"))
      yield* inItsTime(owner?.stop ?? Effect.void)
      yield* untilSo("it is alive again", Effect.sync(() => book.alive.get("k-0") === 1))
      expect(book.most).toBe(1)
    }))

  it.scoped("a singleton of which nobody takes care where it lives is told by the other node", () =>
    Effect.gen(function*() {
      const { start } = yield* makeCluster
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => {
        if (String(message).includes("is to be alive")) said.push(String(message))
      })
      const also = Layer.provide(
        Remembered.alwaysWith({ lookInterval: "2 seconds" }, ...ids.map((id) => Keeper.at(id))),
        Logger.replace(Logger.defaultLogger, logger)
      )
      // The second one was started without it.
      const nodes = yield* inItsTime(Effect.all([start(7_001, {}, also), start(7_002)]))
      yield* shared(...nodes)
      const [first, second] = nodes
      const there = ids.filter(second.cluster.isHere)
      yield* untilSo("it is said of each", Effect.sync(() => said.length === there.length))
      expect(new Set(said.map((line) => line.split(" ")[0]))).toEqual(
        new Set(there.map((id) => `Keeper/${id}`))
      )
      expect(said[0]).toContain("that node was started without its module")
      // Once: until it has been alive again.
      const [asked = ""] = there
      yield* inItsTime(first.keeper(asked).Note({ entry: 1 }))
      yield* inItsTime(Effect.sleep("7 seconds"))
      expect(said).toHaveLength(there.length)
      yield* inItsTime(second.system.stop(Keeper.at(asked)))
      yield* untilSo("it is said of it again", Effect.sync(() => said.length > there.length))
      expect(said.at(-1)).toContain(`Keeper/${asked} is to be alive, and is not`)
      yield* second.vanish
      yield* untilSo(
        "all are alive with the first",
        Effect.sync(() => there.every((id) => first.system.engine.isAlive("Keeper", id)))
      )
    }))

  it.scoped("a supervisor moves with all its children, and starts them where it lives", () =>
    Effect.gen(function*() {
      const { book, start } = yield* makeCluster
      const Line = Supervisor.make("Line", {
        id: "line",
        supervision: Supervision.stop,
        children: [Supervisor.child(Keeper, "line/a"), Supervisor.child(Keeper, "line/b")]
      })
      const also = Layer.orDie(Line.layer)
      const nodes = yield* inItsTime(Effect.all([start(7_001, {}, also), start(7_002, {}, also)]))
      yield* shared(...nodes)
      const both = Effect.sync(() => ["line/a", "line/b"].every((id) => book.alive.get(id) === 1))
      yield* untilSo("both children are alive", both)
      const owner = nodes.find(({ cluster }) => cluster.isHere("line"))
      const other = nodes.find((node) => node !== owner)
      yield* inItsTime(owner?.stop ?? Effect.void)
      yield* untilSo("both are alive again", both)
      expect(book.most).toBe(1)
      expect(other?.system.engine.isAlive("Line", "line")).toBe(true)
      expect(yield* inItsTime(other?.keeper("line/a").Where() ?? Effect.succeed(""))).toBe(
        other?.address.split(":")[1]
      )
    }))

  it.scoped("one that lives elsewhere is not started here", () =>
    Effect.gen(function*() {
      const { start } = yield* makeCluster
      const nodes = yield* inItsTime(Effect.all([start(7_001), start(7_002)]))
      yield* shared(...nodes)
      const [first, second] = nodes
      const id = idOn(second)
      const refused = yield* Effect.flip(first.system.start(Keeper.at(id)))
      expect(refused).toMatchObject({ _tag: "ActorStopped", reason: "moved" })
      expect(yield* residents(first)).toBe(0)
    }))
})
