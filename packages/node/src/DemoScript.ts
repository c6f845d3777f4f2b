/** What happens in a demo, and when: pure, from the options to a list of acts. */

/** How a demo is to run. */
export interface DemoOptions {
  /** How long, in milliseconds; `undefined` until it is interrupted. */
  readonly forMillis: number | undefined
  /** Whether the tank process is killed, and started again, in the middle. */
  readonly chaos: boolean
}

/** Something that is done at a time after the start of the demo, in milliseconds. */
export type Act =
  | { readonly at: number; readonly _tag: "Setpoint"; readonly level: number }
  | { readonly at: number; readonly _tag: "Kill" }
  | { readonly at: number; readonly _tag: "Restart" }

/** As `Act`, where it is the node of the controller that is killed, and not the tank process. */
export type ClusterAct =
  | Extract<Act, { readonly _tag: "Setpoint" }>
  | { readonly at: number; readonly _tag: "KillNode" }
  | { readonly at: number; readonly _tag: "StartNode" }

/** The setpoint of the controlled level at the start, in m. */
export const firstSetpoint = 0.2

/** The setpoint that the operator chooses later, in m. */
export const secondSetpoint = 0.25

/** How long the tank process stays dead, in milliseconds. */
export const outageMillis = 3_000

/** How long a killed node stays dead, in milliseconds: by then another has taken over. */
export const nodeOutageMillis = 5_000

/** The level error is judged over this last part of a demo, in milliseconds. */
export const judgedMillis = 5_000

/** The shortest demo with chaos in which there is time to recover, in milliseconds. */
export const chaosForMillisMin = 30_000

/** The first round of a demo without an end, and then each round, in milliseconds. */
const openRoundMillis = 60_000

/** The acts of a demo, in the order of their times. One without an end repeats them for an hour. */
export const acts = (options: DemoOptions): ReadonlyArray<Act> =>
  rounds<Act>(options, ({ length, start }) => {
    const kill = start + length * 0.35
    return [{ at: kill, _tag: "Kill" }, { at: kill + outageMillis, _tag: "Restart" }]
  })

/** The acts of a demo on several nodes. */
export const clusterActs = (options: DemoOptions): ReadonlyArray<ClusterAct> =>
  rounds<ClusterAct>(options, ({ length, start }) => {
    const kill = start + length * 0.45
    return [{ at: kill, _tag: "KillNode" }, { at: kill + nodeOutageMillis, _tag: "StartNode" }]
  })

interface Round {
  readonly start: number
  readonly length: number
}

type SetpointAct = Extract<Act, { readonly _tag: "Setpoint" }>

/** The operator's acts, and those of chaos after them, in each round of a demo. */
const rounds = <A>(
  { chaos, forMillis }: DemoOptions,
  chaosOf: (round: Round) => ReadonlyArray<A>
): ReadonlyArray<A | SetpointAct> => {
  const all = forMillis === undefined
    ? Array.from(
      { length: 60 },
      (_, n) => ({ start: n * openRoundMillis, length: openRoundMillis })
    )
    : [{ start: 0, length: forMillis }]
  return all.flatMap((round, n): ReadonlyArray<A | SetpointAct> => {
    const level = n % 2 === 1 ? firstSetpoint : secondSetpoint
    const at = round.start + round.length * 0.2
    return [{ at, _tag: "Setpoint", level }, ...(chaos ? chaosOf(round) : [])]
  })
}
