/** Checks the definition of a state machine when it is made: no message is without a place. */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Context } from "effect"
import { Beside, Reentrant } from "../../Handling.ts"
import type { ErasedDefinition, ErasedState } from "./machineDefinition.ts"

/** The names that a definition gives. */
export interface Names {
  readonly states: ReadonlyArray<string>
  readonly timers: ReadonlyArray<string>
}

/** The tags of a protocol that a machine handles: all but those that answer with a stream. */
export const tagsOf = (requests: ReadonlyMap<string, Rpc.Any>): ReadonlyArray<string> =>
  [...requests.entries()]
    .filter(([, rpc]) => !RpcSchema.isStreamSchema(propsOf(rpc).successSchema))
    .map(([tag]) => tag)

/** Throws a RangeError that names what is wrong, by state and tag. */
export const check = (
  definition: ErasedDefinition,
  names: Names,
  requests: ReadonlyMap<string, Rpc.Any>
): void => {
  const fail = (problem: string): never => {
    throw new RangeError(`StateMachine.make: ${definition.name}: ${problem}`)
  }
  const { common, initial, states, tags, timers } = definition
  for (const tag of tags) {
    const rpc = requests.get(tag)
    if (rpc !== undefined && comesBeside(propsOf(rpc))) {
      fail(`a state machine handles one message at a time, so ${tag} cannot come beside another`)
    }
  }
  checkNames("state", { given: Object.keys(states), named: names.states }, fail)
  checkNames("timer", { given: Object.keys(timers ?? {}), named: names.timers }, fail)
  if (!Object.hasOwn(states, initial)) fail(`the initial state ${initial} is not defined`)
  const stray = Object.keys(common ?? {}).find((tag) => !tags.includes(tag))
  if (stray !== undefined) fail(`common handles ${stray}, which is no message of its protocol`)
  for (const [name, state] of Object.entries(states)) {
    const problem = problemOf(state, definition, names.timers)
    if (problem !== undefined) fail(`state ${name} ${problem}`)
  }
}

const propsOf = (rpc: Rpc.Any): Rpc.AnyWithProps => rpc as unknown as Rpc.AnyWithProps

const comesBeside = ({ annotations }: Rpc.AnyWithProps): boolean =>
  Context.get(annotations, Beside) || Context.get(annotations, Reentrant)

const checkNames = (
  kind: "state" | "timer",
  { given, named }: {
    readonly given: ReadonlyArray<string>
    readonly named: ReadonlyArray<string>
  },
  fail: (problem: string) => never
): void => {
  for (const name of named) {
    if (!given.includes(name)) fail(`${kind} ${name} is named, but not defined`)
  }
  for (const name of given) {
    if (!named.includes(name)) fail(`${kind} ${name} is defined, but not named in the outline`)
  }
}

const problemOf = (
  state: ErasedState,
  { common, tags }: ErasedDefinition,
  timers: ReadonlyArray<string>
): string | undefined => {
  const on = Object.keys(state.on ?? {})
  const postponed = state.postpone ?? []
  for (const tag of [...on, ...postponed]) {
    if (!tags.includes(tag)) return `speaks of ${tag}, which is no message of its protocol`
    if (on.includes(tag) && postponed.includes(tag)) return `both handles and postpones ${tag}`
  }
  for (const timer of Object.keys(state.timers ?? {})) {
    if (!timers.includes(timer)) return `speaks of timer ${timer}, which the outline does not name`
  }
  const handled = [...on, ...postponed, ...Object.keys(common ?? {})]
  const unplaced = tags.find((tag) => !handled.includes(tag))
  return unplaced === undefined
    ? undefined
    : `has no place for ${unplaced}: add it to on, postpone or common`
}
