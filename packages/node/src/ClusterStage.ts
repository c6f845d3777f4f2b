/**
 * The eyes and hands of a demo on several nodes, beside those of every demo: it looks at the plant
 * itself, asks who runs the controller, and kills that node. To ask is also what brings the
 * controller to life on the node that has its lease next.
 */
import type { FileSystem } from "@effect/platform"
import type { ActorSystem } from "@plantd/actors"
import { Cluster } from "@plantd/cluster"
import { LevelController, TankStore } from "@plantd/example-tank"
import { Effect, Option, Schedule } from "effect"
import * as ClusterRecord from "./ClusterRecord.ts"
import type { DemoBoard } from "./DemoBoard.ts"
import type { ClusterAct } from "./DemoScript.ts"
import * as DemoStage from "./DemoStage.ts"
import type { Moment } from "./DemoView.ts"
import type { KeptProcess } from "./KeptProcess.ts"

/** A node that the demo has started. */
export interface Node {
  readonly name: string
  readonly address: string
  readonly process: KeptProcess
}

/** What is watched and done, and what was seen. */
export interface ClusterStage {
  readonly watches: ReadonlyArray<Effect.Effect<void>>
  readonly moment: Effect.Effect<Moment>
  readonly perform: (act: ClusterAct) => Effect.Effect<void>
  readonly record: Effect.Effect<ClusterRecord.ClusterRecord>
}

/** What a stage is made of. */
export interface Setting extends DemoStage.Setting {
  readonly nodes: ReadonlyArray<Node>
  /** The file in which the plant's process keeps the water. */
  readonly water: string
}

/** Between two looks at the plant, whose file is written four times a second. */
const plantEach = Schedule.spaced("100 millis")

/** Between two questions to the controller. */
const askEach = Schedule.spaced("250 millis")

/** What is not known by then is shown as unknown, in milliseconds. */
const momentMillis = 800

/** Between two looks for the node of the controller, and the most of them. */
const findEach = Schedule.intersect(Schedule.spaced("100 millis"), Schedule.recurs(50))

interface Props extends Setting {
  readonly cluster: Cluster["Type"]
  readonly controller: ControllerClient
  readonly inner: DemoStage.DemoStage
  record: ClusterRecord.ClusterRecord
  /** The last node that was killed and not started again. */
  dead: Node | undefined
  shown: Moment
}

type ControllerClient = ReturnType<
  Effect.Effect.Success<typeof LevelController.LevelController.client>
>

/** Prepares a stage. */
export const make = (
  setting: Setting
): Effect.Effect<ClusterStage, never, ActorSystem | Cluster | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<FileSystem.FileSystem>()
    const inner = yield* DemoStage.make(setting)
    const props: Props = {
      ...setting,
      cluster: yield* Cluster,
      controller: (yield* LevelController.LevelController.client)(DemoStage.device),
      inner,
      record: ClusterRecord.empty,
      dead: undefined,
      shown: unknown(setting.board)
    }
    return {
      watches: [
        inner.watchLevel,
        inner.watchLink,
        Effect.provide(watchPlant(props), context),
        watchController(props)
      ],
      moment: momentOf(props),
      perform: (act) => perform(props, act),
      record: Effect.sync(() => props.record)
    }
  })

const observe = (props: Props, seen: ClusterRecord.Observation): void => {
  props.record = ClusterRecord.observe(props.record, seen)
}

const watchPlant = (props: Props): Effect.Effect<void, never, FileSystem.FileSystem> => {
  let savedAt = 0
  const { board } = props
  return TankStore.read(props.water).pipe(
    Effect.map((saved) => {
      if (Option.isNone(saved) || saved.value.savedAt === savedAt) return
      savedAt = saved.value.savedAt
      const { state: { level2: level } } = saved.value
      observe(props, { _tag: "Plant", at: board.at, level, setpoint: board.setpoint })
    }),
    Effect.catchAll((error) => board.tell(error.message)),
    Effect.repeat(plantEach),
    Effect.asVoid
  )
}

const nodeOf = ({ nodes }: Props, address: string): Node | undefined =>
  nodes.find((node) => node.address === address)

/** The node that holds the lease of the controller now. */
const holder = (props: Props): Effect.Effect<Node | undefined> =>
  props.cluster.holderOf(DemoStage.device).pipe(
    Effect.map((session) =>
      Option.isNone(session) ? undefined : nodeOf(props, session.value.address)
    ),
    Effect.catchAll((error) => Effect.as(props.board.tell(error.message), undefined))
  )

const watchController = (props: Props): Effect.Effect<void> => {
  const once = Effect.gen(function*() {
    const { mode } = yield* props.controller.Status()
    const node = yield* holder(props)
    if (node !== undefined) yield* answered(props, node, mode === "controlling")
  })
  // Whoever is asked while the controller moves learns that; the next question comes soon.
  return once.pipe(Effect.ignore, Effect.repeat(askEach), Effect.asVoid)
}

const answered = (props: Props, { name }: Node, controlling: boolean): Effect.Effect<void> => {
  const { board } = props
  const before = props.record
  observe(props, { _tag: "Answered", at: board.at, node: name, controlling })
  const { node, pending } = props.record
  const took = before.pending === undefined || pending !== undefined
    ? undefined
    : Math.round(board.at - before.pending.at)
  const moved = before.node === undefined
    ? `${name} runs the controller`
    : `the controller moved from ${before.node} to ${name}`
  return Effect.zipRight(
    before.node === node ? Effect.void : board.tell(moved),
    took === undefined
      ? Effect.void
      : board.tell(`${name} controls the level, ${took} ms after the kill`)
  )
}

const perform = (props: Props, act: ClusterAct): Effect.Effect<void> => {
  switch (act._tag) {
    case "Setpoint":
      return props.inner.perform(act)
    case "KillNode":
      return killNode(props)
    case "StartNode":
      return startNode(props)
  }
}

const killNode = (props: Props): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { board } = props
    const found = Effect.flatMap(holder(props), Effect.fromNullable)
    const node = yield* Effect.retry(found, findEach)
    yield* board.tell(`${node.name} runs the controller: it is killed (SIGKILL)`)
    observe(props, { _tag: "Killed", at: board.at, node: node.name })
    props.dead = node
    yield* node.process.kill
  }).pipe(
    Effect.catchAll(() => props.board.tell("no node runs the controller: none is killed"))
  )

const startNode = (props: Props): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { board, dead } = props
    if (dead === undefined) return Effect.void
    props.dead = undefined
    return Effect.zipRight(board.tell(`${dead.name} is started again`), dead.process.start)
  })

const unknown = (board: DemoBoard): Moment => ({
  seconds: 0,
  level1: null,
  level2: null,
  setpoint: board.setpoint,
  pump: null,
  valve: null,
  controller: "out of reach",
  link: "unknown",
  quality: "bad",
  readingsPerSecond: 0,
  messagesPerSecond: 0,
  deadLetters: 0,
  restarts: 0,
  events: []
})

const runningOn = ({ node, pending }: ClusterRecord.ClusterRecord): string | undefined =>
  pending?.node === node ? undefined : node

/** Each second something is shown, also while nobody runs the controller. */
const momentOf = (props: Props): Effect.Effect<Moment> => {
  const { board, inner } = props
  return inner.moment.pipe(
    Effect.timeout(momentMillis),
    Effect.map((moment): Moment => (props.shown = { ...moment, node: runningOn(props.record) })),
    Effect.catchAll(() =>
      Effect.sync((): Moment => {
        const { deadLetters, restarts } = props.shown
        const seconds = Math.round(board.at / 100) / 10
        const { events, setpoint } = board
        return { ...unknown(board), seconds, setpoint, deadLetters, restarts, events }
      })
    )
  )
}
