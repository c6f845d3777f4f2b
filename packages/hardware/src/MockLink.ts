/**
 * Devices without anything behind them, made from their definition, for unit tests of code that
 * talks to devices: values in memory, answers by script, and a record of what was asked. Nothing
 * chooses a mock by itself: it is there where a test put it.
 */
import type { Command, Epoch, Fence } from "@plantd/core"
import { Effect, type Schema, type Scope } from "effect"
import type { Attribute, ValueOf } from "./Attribute.ts"
import type { DeviceCommand, Lane } from "./DeviceCommand.ts"
import type { Attributes, Commands, DeviceDefinition } from "./DeviceDefinition.ts"
import type { Published, Readings, WritableOf } from "./Driver.ts"
import { makeFork } from "./internal/foreignFiber.ts"
import * as Mock from "./internal/mockDevice.ts"
import { open } from "./internal/mockRequests.ts"
import type { LinkMaker } from "./LinkPort.ts"

type Members = { readonly attributes: Attributes; readonly commands: Commands }

type Payload<C extends DeviceCommand> = Schema.Schema.Type<C["payload"]>
type Success<C extends DeviceCommand> = Schema.Schema.Type<C["success"]>

/**
 * What a command of a mock answers: always the same, or what a handler makes of the payload. It
 * says how it went as a handler of a driver does, for example by `Driver.refuse`.
 */
export type Answer<C extends DeviceCommand> =
  | Success<C>
  | ((
    payload: Payload<C>,
    context: { readonly commandId: string }
  ) => Effect.Effect<Success<C>, unknown>)

/** The names of the commands that have a result: it must be said what they answer. */
type Answering<C extends Commands> = keyof {
  [K in keyof C as [Success<C[K]>] extends [void] ? never : K]: K
}

type Answers<C extends Commands> =
  & { readonly [K in Answering<C> & keyof C]: Answer<C[K]> }
  & { readonly [K in Exclude<keyof C, Answering<C>>]?: Answer<C[K]> }

/** What mocks of a type are made from. */
export type Options<D extends Members> =
  & {
    /**
     * What attributes hold at first. Else 0, or what of the range is nearest to it; `false`; the
     * first of the allowed values, or "".
     */
    readonly values?: Readings<D["attributes"]>
    /**
     * Whether values are told again before they grow stale, as by a device that is well; true
     * where nothing is said.
     */
    readonly renews?: boolean
  }
  & ([Answering<D["commands"]>] extends [never] ? { readonly commands?: Answers<D["commands"]> }
    : { readonly commands: Answers<D["commands"]> })

/** What can be asked of a device: `read.flow`, `write.speed`, or the name of a command. */
export type Operation<D extends Members> =
  | `read.${keyof D["attributes"] & string}`
  | `write.${WritableOf<D["attributes"]> & string}`
  | (keyof D["commands"] & string)

/** What a script of an operation succeeds with. */
export type ResultOf<D extends Members, O extends string> = O extends `write.${string}` ? void
  : O extends `read.${infer K}`
    ? D["attributes"][K] extends infer A extends Attribute ? ValueOf<A> : never
  : D["commands"][O] extends infer C extends DeviceCommand ? Success<C>
  : never

interface Facts<O> {
  readonly operation: O
  /** In milliseconds since 1970-01-01 UTC. */
  readonly at: number
  readonly deadlineMillis: number
}

interface CommandFacts<O> extends Facts<O> {
  readonly commandId: string
  readonly fence: Fence.Fence
  /** Of the device actor. */
  readonly epoch: Epoch.Epoch
  readonly effect: Command.Effect
  readonly lane: Lane
}

/** A request that reached a mock. */
export type MockRequest<D extends Members> =
  | Facts<`read.${keyof D["attributes"] & string}`>
  | {
    [K in WritableOf<D["attributes"]> & string]:
      & CommandFacts<`write.${K}`>
      & { readonly value: ValueOf<D["attributes"][K]> }
  }[WritableOf<D["attributes"]> & string]
  | {
    [K in keyof D["commands"] & string]:
      & CommandFacts<K>
      & { readonly payload: Payload<D["commands"][K]> }
  }[keyof D["commands"] & string]

/** A mock of one device, for a test to act upon. */
export interface MockDevice<D extends Members> {
  /** Puts a value into an attribute, with a quality where need be, and publishes it. */
  readonly set: <K extends keyof D["attributes"] & string>(
    attribute: K,
    value: Published<D["attributes"][K]>
  ) => Effect.Effect<void>
  /** The value that an attribute has now: set, written, or of the beginning. */
  readonly value: <K extends keyof D["attributes"] & string>(
    attribute: K
  ) => Effect.Effect<ValueOf<D["attributes"][K]> | null>
  /**
   * What becomes of the next requests of an operation, one after the other: what an effect does is
   * what a handler of a driver would. It succeeds, is refused (`Driver.refuse`), fails, does not
   * know (`Driver.unknown`), takes its time, or never answers (`Effect.never`).
   */
  readonly script: <O extends Operation<D>>(
    operation: O,
    ...outcomes: ReadonlyArray<Effect.Effect<ResultOf<D, O>, unknown>>
  ) => Effect.Effect<void>
  /** The link is lost: readings are stale, and what is under way has an unknown outcome. */
  readonly lose: (reason?: string) => Effect.Effect<void>
  /** The link is online again. */
  readonly restore: Effect.Effect<void>
  /** What reached the device, in order: the newest 10,000 (`requestsMax`). */
  readonly requests: Effect.Effect<ReadonlyArray<MockRequest<D>>>
}

/** The mocks of the devices of one type. */
export interface MockDevices<D extends Members> {
  /** What `toLayer` of the device takes as its `link`. */
  readonly link: (device: { readonly id: string }) => LinkMaker<never, never>
  /** The device with this id. */
  readonly device: (id: string) => MockDevice<D>
}

/** The most requests that a mock remembers, the newest. */
export { requestsMax } from "./internal/mockDevice.ts"

/**
 * Mocks the devices of a type: each id is one of its own, which lives until the scope is closed. A
 * write puts its value there and publishes it; a command does nothing but answer. A command that is
 * asked for again under its id is noted again, and not carried out again. A mock looks at no fence,
 * no deadline and no state of its own: its `requests` show what was asked.
 */
export const mock = <D extends Members & DeviceDefinition>(
  definition: D,
  ...[options]: [Answering<D["commands"]>] extends [never] ? [options?: Options<D>]
    : [options: Options<D>]
): Effect.Effect<MockDevices<D>, never, Scope.Scope> =>
  Effect.map(makeFork<never>(), (fork) => {
    const answers = answersOf(definition, options?.commands ?? {})
    const devices = new Map<string, Mock.MockDevice>()
    const deviceOf = (id: string): Mock.MockDevice => {
      const known = devices.get(id)
      if (known !== undefined) return known
      const device = Mock.make({
        definition,
        values: options?.values ?? {},
        answers,
        renews: options?.renews ?? true,
        fork
      })
      devices.set(id, device)
      return device
    }
    return {
      link: ({ id }) => (owner) => Effect.suspend(() => open(deviceOf(id), owner)),
      device: (id) => handleOf(deviceOf(id))
    }
  })

const answersOf = (
  definition: DeviceDefinition,
  given: { readonly [name: string]: unknown }
): { readonly [name: string]: Mock.Answer } => {
  const stray = Object.keys(given).find((name) => !Object.hasOwn(definition.commands, name))
  if (stray !== undefined) fault(definition, stray, "the device has no such command")
  return Object.fromEntries(
    Object.entries(definition.commands).map(([name, command]): [string, Mock.Answer] => {
      const answer = given[name]
      if (typeof answer === "function") return [name, answer as Mock.Answer]
      if (answer === undefined && command.success.ast._tag !== "VoidKeyword") {
        fault(definition, name, "say what it answers")
      }
      return [name, () => Effect.succeed(answer)]
    })
  )
}

const fault = (definition: DeviceDefinition, command: string, what: string): never => {
  throw new TypeError(
    `the mock of device ${JSON.stringify(definition.name)}: commands.${command}: ${what}`
  )
}

// A mock knows no types of its own: they are those of its definition.
const handleOf = <D extends Members>(device: Mock.MockDevice): MockDevice<D> => {
  const handle: MockDevice<Members> = {
    set: (attribute, value) => Effect.sync(() => Mock.set(device, attribute, value)),
    value: (attribute) => Effect.sync(() => Mock.valueOf(device, attribute) as ValueOf<Attribute>),
    script: (operation, ...deeds) => Effect.sync(() => Mock.script(device, operation, deeds)),
    lose: (reason = "the mock lost it") => Effect.sync(() => Mock.lose(device, reason)),
    restore: Effect.sync(() => Mock.restore(device)),
    requests: Effect.sync(() => [...device.requests] as ReadonlyArray<MockRequest<Members>>)
  }
  return handle as unknown as MockDevice<D>
}
