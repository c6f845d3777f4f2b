import { describe, expect, it } from "@effect/vitest"
import * as Supervision from "@plantd/actors/Supervision"
import * as Tree from "@plantd/actors/SupervisionTree"
import { Cause } from "effect"

const intensity = Supervision.restart({
  maxRestarts: 2,
  within: "1 seconds",
  backoff: { min: "100 millis", max: "1 seconds", factor: 2, jitter: 0 }
}) as Tree.RestartPolicy

const spec = (id: string, options: Partial<Tree.ChildSpec> = {}): Tree.ChildSpec => ({
  id,
  restart: "permanent",
  supervision: () => intensity,
  intensity,
  dynamic: false,
  ...options
})

const broken = Cause.die("broken")
const crashed: Tree.ChildExit = { _tag: "Held", cause: broken }
const stopped: Tree.ChildExit = { _tag: "Stopped", reason: "stopped" }
const facts = (now: number): Tree.Facts => ({ now, startedAt: now, random: 0 })

/** Children that do at once what they are told; what they were told stands in `told`. */
class Scene {
  tree: Tree.Tree
  told: Array<string> = []

  constructor(tree: Tree.Tree) {
    this.tree = tree
  }

  settle(now = 0): ReadonlyArray<string> {
    for (;;) {
      const [tree, commands] = Tree.proceed(this.tree, now)
      this.tree = tree
      if (commands.length === 0) break
      for (const command of commands) this.obey(command, now)
    }
    return this.told.splice(0)
  }

  exit(id: string, exit: Tree.ChildExit, now = 0): Tree.Decision {
    const [tree, decision] = Tree.onExit(this.tree, id, exit, facts(now))
    this.tree = tree
    return decision
  }

  phase(id: string): Tree.Phase | undefined {
    return Tree.find(this.tree, id)?.phase
  }

  private obey(command: Tree.Command, now: number): void {
    this.told.push(`${command._tag.toLowerCase()} ${command.id}`)
    if (command._tag === "Start") this.tree = Tree.onStarted(this.tree, command.id)
    else if (command._tag === "Hold") this.exit(command.id, { _tag: "Held", cause: undefined }, now)
    else this.exit(command.id, { _tag: "Ended", reason: command.reason }, now)
  }
}

const scene = (strategy: Tree.Strategy, specs: ReadonlyArray<Tree.ChildSpec>): Scene => {
  const started = new Scene(Tree.make(strategy, specs))
  started.settle()
  return started
}

const abc = [spec("a"), spec("b"), spec("c")]

describe("starting", () => {
  it("children start in order, each when the one before has started", () => {
    const [one, first] = Tree.proceed(Tree.make("one-for-one", abc), 0)
    expect(first).toEqual([{ _tag: "Start", id: "a" }])
    expect(Tree.proceed(one, 0)[1]).toEqual([])
    expect(Tree.proceed(Tree.onStarted(one, "a"), 0)[1]).toEqual([{ _tag: "Start", id: "b" }])
  })

  it("a child whose building fails is tried again before the next one starts", () => {
    const [tree] = Tree.proceed(Tree.make("one-for-one", abc), 0)
    const [failed, decision] = Tree.onExit(tree, "a", crashed, facts(0))
    expect(decision).toEqual({ _tag: "Restart", stop: [], start: ["a"], delayMillis: 100 })
    expect(Tree.proceed(failed, 99)[1]).toEqual([])
    expect(Tree.nextDue(failed, 99)).toBe(100)
    expect(Tree.proceed(failed, 100)[1]).toEqual([{ _tag: "Start", id: "a" }])
  })
})

describe("a crash", () => {
  it.each<[Tree.Strategy, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["one-for-one", [], ["b"]],
    ["rest-for-one", ["c"], ["b", "c"]],
    ["one-for-all", ["c", "a"], ["a", "b", "c"]]
  ])("%s: ends %j in reverse and starts %j in order", (strategy, stop, start) => {
    const three = scene(strategy, abc)
    const decision = three.exit("b", crashed)
    expect(decision).toEqual({ _tag: "Restart", stop, start, delayMillis: 100 })
    expect(three.settle(99)).toEqual(stop.map((id) => `hold ${id}`))
    expect(three.settle(100)).toEqual(start.map((id) => `start ${id}`))
  })

  it("nothing starts while another child of its group still ends", () => {
    const three = scene("one-for-all", abc)
    three.exit("a", crashed)
    const [tree, commands] = Tree.proceed(three.tree, 1_000)
    expect(commands).toEqual([{ _tag: "Hold", id: "c" }])
    expect(Tree.proceed(tree, 1_000)[1]).toEqual([])
  })

  it("of a child that is about to end anyway is not counted", () => {
    const three = scene("one-for-all", abc)
    three.exit("a", crashed)
    expect(three.exit("b", crashed)).toEqual({ _tag: "Continue" })
    expect(Tree.find(three.tree, "b")?.history).toEqual(Supervision.untroubled)
    expect(three.settle(100)).toEqual(["hold c", "start a", "start b", "start c"])
  })

  it("keeps one in its group that ended for good where it was to wait", () => {
    const three = scene("one-for-all", abc)
    three.exit("a", crashed)
    const [tree] = Tree.proceed(three.tree, 0)
    three.tree = tree
    expect(three.exit("c", { _tag: "Ended", reason: "supervisor" })).toEqual({ _tag: "Continue" })
    expect(three.settle(100)).toEqual(["hold b", "start a", "start b", "start c"])
  })

  it("while a group starts begins the group anew", () => {
    const three = scene("one-for-all", abc)
    three.exit("b", crashed)
    const ended = three.settle(99)
    expect(ended).toEqual(["hold c", "hold a"])
    const [a] = Tree.proceed(three.tree, 100)
    const [b, commands] = Tree.proceed(Tree.onStarted(a, "a"), 100)
    expect(commands).toEqual([{ _tag: "Start", id: "b" }])
    const [, decision] = Tree.onExit(b, "b", crashed, facts(100))
    expect(decision).toEqual({
      _tag: "Restart",
      stop: ["a"],
      start: ["a", "b", "c"],
      delayMillis: 200
    })
  })

  it("of one child does not hold up the restart of another under one-for-one", () => {
    const three = scene("one-for-one", abc)
    three.exit("a", crashed)
    three.settle(100)
    three.exit("a", crashed, 100)
    three.exit("c", crashed, 100)
    expect(three.settle(200)).toEqual(["start c"])
    expect(three.settle(300)).toEqual(["start a"])
  })

  it("that is resumed leaves the child as it is", () => {
    const one = scene("one-for-all", [spec("a", { supervision: () => Supervision.resume })])
    expect(Tree.onCrash(one.tree, "a", broken)).toEqual([one.tree, "resume"])
  })

  it("is judged once, by its cause", () => {
    const seen: Array<Cause.Cause<unknown>> = []
    const supervision = (cause: Cause.Cause<unknown>): Supervision.Fixed => {
      seen.push(cause)
      return Supervision.stop
    }
    const one = scene("one-for-one", [spec("a", { supervision })])
    const [tree, way] = Tree.onCrash(one.tree, "a", broken)
    expect(way).toBe("end")
    const [, decision] = Tree.onExit(tree, "a", crashed, facts(0))
    expect(decision).toEqual({ _tag: "Stop", reason: "crashed" })
    expect(seen).toEqual([broken])
  })

  it("stops the child, and no other one, where its supervision is stop", () => {
    const three = scene("one-for-all", [...abc, spec("d", { supervision: () => Supervision.stop })])
    expect(three.exit("d", crashed)).toEqual({ _tag: "Stop", reason: "crashed" })
    expect(three.settle()).toEqual(["stop d"])
    expect(three.phase("d")).toBe("stopped")
    three.exit("a", crashed)
    expect(three.settle(100)).not.toContain("start d")
  })

  it("of a failed building cannot be resumed and stops the child", () => {
    const specs = [spec("a", { supervision: () => Supervision.resume })]
    const [tree] = Tree.proceed(Tree.make("one-for-one", specs), 0)
    expect(Tree.onExit(tree, "a", crashed, facts(0))[1]).toEqual({
      _tag: "Stop",
      reason: "crashed"
    })
  })

  it("of a temporary child is its end", () => {
    const two = scene("one-for-all", [spec("a"), spec("t", { restart: "temporary" })])
    expect(two.exit("t", crashed)).toEqual({ _tag: "Stop", reason: "crashed" })
    expect(two.settle()).toEqual(["stop t"])
    expect(two.phase("t")).toBeUndefined()
    expect(two.phase("a")).toBe("running")
  })
})

describe("escalation", () => {
  it("one restart more than allowed fails the supervisor, and names the child", () => {
    const two = scene("one-for-one", [spec("a"), spec("b")])
    for (const now of [0, 200]) {
      two.exit("a", crashed, now)
      two.settle(now + 200)
    }
    expect(two.exit("a", crashed, 900)).toEqual({
      _tag: "Escalate",
      child: "a",
      reason: "restart-limit",
      cause: broken
    })
    expect(two.settle(1_000_000)).toEqual([])
    two.tree = Tree.end(two.tree, "supervisor")
    expect(Tree.proceed(two.tree, 0)[1]).toMatchObject([{ id: "b", reason: "supervisor" }])
    two.settle()
    expect(Tree.find(two.tree, "a")).toMatchObject({ phase: "stopped", reason: "restart-limit" })
  })

  it("a crash that is escalated keeps the mailbox for the supervisor's next incarnation", () => {
    const supervision = () => Supervision.escalate
    const two = scene("one-for-one", [spec("a", { supervision }), spec("b")])
    expect(two.exit("a", crashed)).toMatchObject({ _tag: "Escalate", reason: "escalated" })
    expect(two.settle(1_000_000)).toEqual([])
    two.tree = Tree.end(two.tree, "hold")
    expect(two.settle()).toEqual(["hold b"])
    expect(Tree.isEnded(two.tree)).toBe(true)
  })

  it("where the supervisor is resumed, the child that was escalated stays stopped", () => {
    const supervision = () => Supervision.escalate
    const two = scene("one-for-one", [spec("a", { supervision }), spec("b")])
    two.exit("a", crashed)
    two.tree = Tree.onResumed(two.tree)
    expect(two.settle()).toEqual(["stop a"])
    expect(two.phase("b")).toBe("running")
  })

  it("a permanent child that ends by itself too often is escalated without a cause", () => {
    const one = scene("one-for-one", [spec("a")])
    for (const now of [0, 200]) {
      expect(one.exit("a", stopped, now)).toMatchObject({ _tag: "Restart" })
      one.settle(now + 200)
    }
    expect(one.exit("a", stopped, 900)).toMatchObject({ _tag: "Escalate", cause: undefined })
    one.tree = Tree.onResumed(one.tree)
    expect(one.settle(900)).toEqual(["stop a"])
    expect(Tree.find(one.tree, "a")).toMatchObject({ phase: "stopped", reason: "restart-limit" })
  })
})

describe("a child that ends by itself", () => {
  it.each<[Tree.RestartType, "stopped" | "passivated", string]>([
    ["permanent", "stopped", "Restart"],
    ["permanent", "passivated", "Restart"],
    ["transient", "stopped", "Stop"],
    ["transient", "passivated", "Stop"],
    ["temporary", "stopped", "Stop"],
    ["temporary", "passivated", "Stop"]
  ])("%s, %s: %s", (restart, reason, tag) => {
    const one = scene("one-for-one", [spec("a", { restart })])
    expect(one.exit("a", { _tag: "Stopped", reason })._tag).toBe(tag)
  })

  it("is forgotten where it is temporary, and else may be started again", () => {
    const two = scene("one-for-one", [
      spec("t", { restart: "temporary" }),
      spec("u", { restart: "transient" })
    ])
    two.exit("t", stopped)
    two.exit("u", stopped)
    expect(two.settle()).toEqual(["stop u", "stop t"])
    expect([two.phase("t"), two.phase("u")]).toEqual([undefined, "stopped"])
    expect(two.exit("u", { _tag: "Ended", reason: "stopped" })).toEqual({ _tag: "Continue" })
  })

  it.each(["shutdown", "superseded"] as const)("is not restarted after %s", (reason) => {
    const one = scene("one-for-one", [spec("a")])
    expect(one.exit("a", { _tag: "Stopped", reason })).toEqual({ _tag: "Stop", reason })
  })

  it("begins anew with its group, but not when it was told to stop", () => {
    const four = scene("one-for-all", [
      spec("a"),
      spec("done", { restart: "transient" }),
      spec("told")
    ])
    four.exit("done", stopped)
    four.tree = Tree.stop(four.tree, "told")
    expect(four.settle()).toEqual(["stop told", "stop done"])
    four.exit("a", crashed)
    expect(four.settle(100)).toEqual(["start a", "start done"])
  })

  it("while it waits for its restart: it waits on where permanent, and stops where not", () => {
    const two = scene("one-for-one", [spec("p"), spec("t", { restart: "transient" })])
    two.exit("p", crashed)
    two.exit("t", crashed)
    expect(two.exit("p", stopped)).toEqual({ _tag: "Continue" })
    expect(two.exit("t", stopped)).toEqual({ _tag: "Stop", reason: "stopped" })
    expect(two.settle(100)).toEqual(["stop t", "start p"])
  })
})

describe("children that come and go", () => {
  it("one that was added is the last in order, and is forgotten when it stops", () => {
    const three = scene("rest-for-one", abc)
    three.tree = Tree.add(three.tree, spec("d", { dynamic: true }))
    expect(three.settle()).toEqual(["start d"])
    expect(three.exit("b", crashed)).toMatchObject({ stop: ["d", "c"], start: ["b", "c", "d"] })
    three.settle(100)
    three.tree = Tree.stop(three.tree, "d")
    expect(three.settle()).toEqual(["stop d"])
    expect(three.phase("d")).toBeUndefined()
  })

  it("a second one with the same id is not added", () => {
    const tree = Tree.make("one-for-one", abc)
    expect(Tree.add(tree, spec("b"))).toBe(tree)
  })

  it("a group's restart ends its temporary children for good", () => {
    const two = scene("one-for-all", [spec("a"), spec("t", { restart: "temporary" })])
    expect(two.exit("a", crashed)).toMatchObject({ stop: ["t"], start: ["a"] })
    expect(two.settle(100)).toEqual(["stop t", "start a"])
    expect(two.phase("t")).toBeUndefined()
  })

  it("one that was stopped starts again in its old place", () => {
    const three = scene("one-for-one", abc)
    three.tree = Tree.stop(three.tree, "a")
    three.settle()
    three.tree = Tree.start(three.tree, "a")
    expect(three.settle()).toEqual(["start a"])
    expect(three.tree.children.map((child) => child.spec.id)).toEqual(["a", "b", "c"])
  })

  it("a slow stop of one does not keep another from stopping under one-for-one", () => {
    const three = scene("one-for-one", abc)
    const both = Tree.stop(Tree.stop(three.tree, "a"), "c")
    expect(Tree.proceed(both, 0)[1].map((command) => command.id)).toEqual(["c", "a"])
  })
})

describe("the end of the supervisor", () => {
  it("stops the children in reverse, each when the one after has stopped", () => {
    const three = scene("one-for-one", abc)
    const [tree, commands] = Tree.proceed(Tree.end(three.tree, "shutdown"), 0)
    expect(commands).toEqual([{ _tag: "Stop", id: "c", reason: "shutdown" }])
    expect(Tree.proceed(tree, 0)[1]).toEqual([])
    three.tree = Tree.end(three.tree, "shutdown")
    expect(three.settle()).toEqual(["stop c", "stop b", "stop a"])
    expect(Tree.isEnded(three.tree)).toBe(true)
  })

  it("for a restart keeps the mailboxes of its children, except of those that were added", () => {
    const four = scene("one-for-one", abc)
    four.tree = Tree.add(four.tree, spec("d", { dynamic: true }))
    four.settle()
    four.tree = Tree.end(four.tree, "hold")
    expect(four.settle()).toEqual(["stop d", "hold c", "hold b", "hold a"])
  })

  it("ends those that wait for a restart, too, and starts none", () => {
    const three = scene("one-for-one", abc)
    three.exit("b", crashed)
    three.tree = Tree.end(three.tree, "supervisor")
    expect(three.settle(1_000)).toEqual(["stop c", "stop b", "stop a"])
  })
})

it("what no child expects changes nothing", () => {
  const three = scene("one-for-one", abc)
  expect(Tree.onExit(three.tree, "x", crashed, facts(0))).toEqual([three.tree, {
    _tag: "Continue"
  }])
  expect(Tree.onStarted(three.tree, "x")).toBe(three.tree)
  expect(Tree.onStarted(three.tree, "a")).toBe(three.tree)
  expect(Tree.start(three.tree, "a")).toBe(three.tree)
  expect(Tree.stop(three.tree, "x")).toBe(three.tree)
  expect(Tree.onCrash(three.tree, "x", broken)).toEqual([three.tree, "end"])
  expect(Tree.isEnded(three.tree)).toBe(false)
})
