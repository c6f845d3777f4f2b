/** The eyes and hands of a demo: what it watches of the node, and what an operator does there. */
import type { ActorError, ActorSystem, ActorSystemStats } from "@plantd/actors"
import { LevelController, Tank } from "@plantd/example-tank"
import { Subscription } from "@plantd/hardware"
import { Effect, Schedule, Stream } from "effect"
import type { DemoBoard } from "./DemoBoard.ts"
import type { Act } from "./DemoScript.ts"
import type { Moment } from "./DemoView.ts"
import type { TankProcess } from "./TankProcess.ts"

/** The device of the demo; its controller has the same id. */
export const device = "tank-1"

/** Between two tries to watch again what has ended. */
const again = Schedule.spaced("200 millis")

/** What can be watched and done. */
export interface DemoStage {
  /** Keeps the board told of each level, for ever. */
  readonly watchLevel: Effect.Effect<void>
  /** Keeps the board told of the link, for ever. */
  readonly watchLink: Effect.Effect<void>
  /** Brings the board's counters up to date, and gives what is to be shown. */
  readonly moment: Effect.Effect<Moment, ActorError.AskError>
  /** Does what the script says. */
  readonly perform: (act: Act) => Effect.Effect<void>
}

/** What a stage is made of. */
export interface Setting {
  readonly board: DemoBoard
  readonly process: TankProcess
  /** What is counted of the actors that are shown. */
  readonly stats: Effect.Effect<Pick<ActorSystemStats, "messages" | "deadLetters" | "restarts">>
}

/** Prepares a stage for a board. */
export const make = (
  setting: Setting
): Effect.Effect<DemoStage, never, ActorSystem> =>
  Effect.gen(function*() {
    const { board } = setting
    const props: Props = {
      ...setting,
      tank: (yield* Tank.Tank.client)(device),
      controller: (yield* LevelController.LevelController.client)(device)
    }
    return {
      watchLevel: forEver(board, "level", watchLevel(props)),
      watchLink: forEver(board, "link", watchLink(props)),
      moment: momentOf(props),
      perform: (act) => perform(props, act)
    }
  })

type ClientOf<T> = T extends Effect.Effect<(id: string) => infer Client, infer _E, infer _R>
  ? Client
  : never

interface Props extends Setting {
  readonly tank: ClientOf<typeof Tank.Tank.client>
  readonly controller: ClientOf<typeof LevelController.LevelController.client>
}

const forEver = (
  board: DemoBoard,
  what: string,
  watch: Effect.Effect<void, { readonly message: string }>
): Effect.Effect<void> =>
  watch.pipe(
    Effect.catchAll((error) => board.tell(`${what}: ${error.message}`)),
    Effect.repeat(again),
    Effect.asVoid
  )

const watchLevel = ({ board, tank }: Props) =>
  Stream.runForEach(tank.subscribe(["level2"], { mode: "latest" }), (item) =>
    Effect.sync(() => {
      if (Subscription.isGap(item)) return
      const { quality, value: level } = item
      board.observe({ _tag: "Level", at: board.at, level, quality, setpoint: board.setpoint })
    }))

const watchLink = ({ board, controller, tank }: Props) =>
  Stream.runForEach(tank.linkChanges, ({ reason, state }) => {
    if (state === board.record.link) return Effect.void
    // What the pump has been told is counted now, so that an outage is charged with its own.
    return Effect.flatMap(controller.Status(), ({ writes }) => {
      const counts = { ...board.record.counts, pumpCommands: writes }
      board.observe({ _tag: "Counted", at: board.at, counts })
      board.observe({ _tag: "Link", at: board.at, state })
      return board.tell(`link ${state}${reason === undefined ? "" : `: ${reason}`}`)
    })
  })

const momentOf = ({ board, controller, stats, tank }: Props) =>
  Effect.gen(function*() {
    const [counted, link, control, readings] = yield* Effect.all(
      [stats, tank.link, controller.Status(), tank.snapshot],
      { concurrency: "unbounded" }
    )
    const rates = board.take({
      readings: link.counters.readings,
      deadLetters: counted.deadLetters,
      restarts: counted.restarts,
      pumpCommands: control.writes,
      messages: counted.messages
    })
    return {
      seconds: Math.round(board.at / 100) / 10,
      level1: readings.level1.value,
      level2: readings.level2.value,
      setpoint: control.setpoint,
      pump: readings.pumpSpeed.value,
      valve: readings.valveOpening.value,
      controller: control.mode,
      link: link.state,
      quality: readings.level2.quality,
      ...rates,
      deadLetters: counted.deadLetters,
      restarts: counted.restarts,
      events: board.events
    }
  })

const perform = (props: Props, act: Act): Effect.Effect<void> => {
  const { board, process } = props
  switch (act._tag) {
    case "Setpoint":
      return chooseSetpoint(props, act.level)
    case "Kill":
      return board.tell("the tank process is killed (SIGKILL)").pipe(
        Effect.zipRight(Effect.sync(() => board.observe({ _tag: "Killed", at: board.at }))),
        Effect.zipRight(process.kill)
      )
    case "Restart":
      return board.tell("the tank process is started again").pipe(
        Effect.zipRight(Effect.sync(() => board.observe({ _tag: "Restarted", at: board.at }))),
        Effect.zipRight(process.start)
      )
  }
}

const chooseSetpoint = ({ board, controller }: Props, setpoint: number): Effect.Effect<void> =>
  controller.SetSetpoint({ setpoint }).pipe(
    Effect.zipRight(Effect.sync(() => void (board.setpoint = setpoint))),
    Effect.zipRight(board.tell(`operator sets the setpoint to ${setpoint.toFixed(3)} m`)),
    Effect.catchAll((error) => board.tell(`the setpoint was not taken: ${error.message}`))
  )
