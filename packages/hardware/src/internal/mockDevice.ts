/** A mock of one device without its types: values in memory, and the links that are told them. */
import { Epoch } from "@plantd/core"
import { type Clock, type Deferred, Effect } from "effect"
import { type Attribute, maxAgeMillis } from "../Attribute.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import type { Batch, Sample } from "../DeviceProtocol.ts"
import type { PublishedReading } from "../Driver.ts"
import { renewalPart } from "../Emission.ts"
import type { LinkCounters, LinkOwner, LinkStatus } from "../LinkPort.ts"
import { type CommandCodec, commandCodec } from "./driverHandlers.ts"
import type { Fork } from "./foreignFiber.ts"

/** What a scripted request, or a command, does: as a handler of a driver does it. */
export type Deed = Effect.Effect<unknown, unknown>

/** What a command answers where nothing else was scripted. */
export type Answer = (payload: unknown, context: { readonly commandId: string }) => Deed

/** What is known of a request. */
export interface Facts {
  readonly operation: string
  readonly deadlineMillis: number
  readonly [more: string]: unknown
}

/** A request that reached the device; `at` is in milliseconds since 1970-01-01 UTC. */
export interface PlainRequest extends Facts {
  readonly at: number
}

/** The most requests that a mock remembers, the newest. */
export const requestsMax = 10_000

/** The most commands that a mock knows again, the newest. */
export const commandsMax = 1_024

/** What a mock is made from. */
export interface Setup {
  readonly definition: DeviceDefinition
  readonly values: { readonly [name: string]: unknown }
  readonly answers: { readonly [name: string]: Answer }
  readonly renews: boolean
  readonly fork: Fork<never>
}

/** A value, and what is known of it. */
export type Content = PublishedReading<unknown>

interface Cell {
  readonly index: number
  readonly maxAge: number
  content: Content
}

/** A link that is open. */
export interface OpenLink {
  readonly owner: LinkOwner
  readonly clock: Clock.Clock
  readonly counters: { -readonly [K in keyof LinkCounters]: LinkCounters[K] }
  since: number
}

/** A mock of one device; its links alone and its handle change it. */
export interface MockDevice extends Setup {
  readonly cells: ReadonlyMap<string, Cell>
  readonly codecs: ReadonlyMap<string, CommandCodec>
  readonly scripts: Map<string, Array<Deed>>
  readonly requests: Array<PlainRequest>
  /** What became of commands, by their id. */
  readonly commands: Map<string, Deferred.Deferred<unknown, unknown>>
  readonly links: Set<OpenLink>
  /** Ends the waiting for an answer, for a reason. */
  readonly pending: Set<(reason: string) => void>
  /** Of the reading that was published last. */
  seq: number
  /** Why its link is lost. */
  lost: string | undefined
}

/** A device with the values that it is given, or that follow from the declarations. */
export const make = (setup: Setup): MockDevice => ({
  ...setup,
  cells: new Map(
    setup.definition.order.map((name, index) => {
      const attribute = setup.definition.attributes[name] as Attribute
      const given = setup.values[name]
      return [name, {
        index,
        maxAge: maxAgeMillis(attribute),
        content: contentOf(given === undefined ? initialOf(attribute) : given)
      }]
    })
  ),
  codecs: new Map(
    Object.entries(setup.definition.commands).map((
      [name, command]
    ) => [name, commandCodec(command)])
  ),
  scripts: new Map(),
  requests: [],
  commands: new Map(),
  links: new Set(),
  pending: new Set(),
  seq: 0,
  lost: undefined
})

/** The value of an attribute that nobody gave one: the plainest that its declaration allows. */
export const initialOf = (attribute: Attribute): number | boolean | string => {
  switch (attribute.type) {
    case "number":
      return Math.min(Math.max(0, attribute.range?.[0] ?? 0), attribute.range?.[1] ?? 0)
    case "boolean":
      return false
    case "string":
      return attribute.values?.[0] ?? ""
  }
}

const contentOf = (given: unknown): Content =>
  typeof given === "object" && given !== null
    ? given as Content
    : { value: given }

/** Puts a value into an attribute, and publishes it where the link is online. */
export const set = (mock: MockDevice, name: string, given: unknown): void => {
  cellOf(mock, name).content = contentOf(given)
  publish(mock, [name])
}

/** The value that an attribute has now. */
export const valueOf = (mock: MockDevice, name: string): unknown => cellOf(mock, name).content.value

const cellOf = (mock: MockDevice, name: string): Cell => {
  const cell = mock.cells.get(name)
  if (cell !== undefined) return cell
  throw new TypeError(`device ${mock.definition.name} has no attribute ${JSON.stringify(name)}`)
}

/** Scripts what becomes of the next requests of an operation, after those scripted already. */
export const script = (
  mock: MockDevice,
  operation: string,
  deeds: ReadonlyArray<Deed>
): void => {
  const [, kind, name = operation] = /^(read|write)\.(.*)$/.exec(operation) ?? []
  if (kind !== undefined) cellOf(mock, name)
  else if (!mock.codecs.has(name)) {
    throw new TypeError(`device ${mock.definition.name} has no command ${JSON.stringify(name)}`)
  }
  mock.scripts.set(operation, [...mock.scripts.get(operation) ?? [], ...deeds])
}

/** Remembers a request. */
export const note = (mock: MockDevice, request: PlainRequest): void => {
  if (mock.requests.length >= requestsMax) mock.requests.shift()
  mock.requests.push(request)
}

/** Remembers what becomes of a command, so that it is known when it is asked for again. */
export const remember = <A>(
  mock: MockDevice,
  id: string,
  outcome: Deferred.Deferred<A, unknown>
): void => {
  if (mock.commands.size >= commandsMax) {
    const [oldest = ""] = mock.commands.keys()
    mock.commands.delete(oldest)
  }
  mock.commands.set(id, outcome as Deferred.Deferred<unknown, unknown>)
}

/** Ends the link: what is under way has an unknown outcome, and nothing is sent any more. */
export const lose = (mock: MockDevice, reason: string): void => {
  mock.lost = reason
  for (const abandon of mock.pending) abandon(reason)
  mock.pending.clear()
  for (const link of mock.links) tell(mock, link)
}

/** Brings the link back, and tells what became of the values meanwhile. */
export const restore = (mock: MockDevice): void => {
  if (mock.lost === undefined) return
  mock.lost = undefined
  for (const link of mock.links) begin(mock, link)
}

/** A link of a mock that begins: online at once, unless the mock has lost its links. */
export const join = (mock: MockDevice, given: Pick<OpenLink, "owner" | "clock">): OpenLink => {
  const link: OpenLink = { ...given, counters: { ...noCounts }, since: 0 }
  mock.links.add(link)
  if (mock.lost === undefined) begin(mock, link)
  else tell(mock, link)
  return link
}

const noCounts: LinkCounters = {
  readings: 0,
  batches: 0,
  framesMalformed: 0,
  framesStray: 0,
  gaps: 0,
  readingsMissing: 0,
  sessions: 0,
  answersLate: 0
}

const begin = (mock: MockDevice, link: OpenLink): void => {
  link.counters.sessions++
  tell(mock, link)
  link.owner.onSnapshot(batchOf(mock, link, { names: mock.definition.order, seq: mock.seq }))
}

const tell = (mock: MockDevice, link: OpenLink): void => {
  link.since = link.clock.unsafeCurrentTimeMillis()
  link.owner.onStatus(statusOf(mock, link))
}

/** How a link of a mock is. */
export const statusOf = (mock: MockDevice, link: OpenLink): LinkStatus => ({
  ...(mock.lost === undefined ? { state: "online" } : { state: "lost", reason: mock.lost }),
  since: link.since,
  epoch: Epoch.first,
  hardware: "ok",
  counters: { ...link.counters }
})

/** The values of some attributes as they travel; `contents` where others are to be told. */
export const batchOf = (
  mock: MockDevice,
  link: OpenLink,
  of: {
    readonly names: ReadonlyArray<string>
    readonly seq: number
    readonly contents?: ReadonlyArray<Content | undefined>
  }
): Batch => {
  const time = link.clock.unsafeCurrentTimeMillis()
  const samples = of.names.map((name, n): Sample => {
    const cell = cellOf(mock, name)
    const { quality, reason, time: at, value } = of.contents?.[n] ?? cell.content
    return {
      index: cell.index,
      value,
      offsetMillis: at === undefined ? 0 : at - time,
      quality: quality ?? (value === null ? "bad" : "good"),
      reason
    }
  })
  return { epoch: Epoch.first, seq: of.seq, time, samples }
}

const publish = (mock: MockDevice, names: ReadonlyArray<string>): void => {
  const seq = mock.seq + 1
  mock.seq += names.length
  if (mock.lost !== undefined) return
  for (const link of mock.links) {
    link.counters.batches++
    link.counters.readings += names.length
    link.owner.onBatch(batchOf(mock, link, { names, seq }))
  }
}

/** Tells values again before they grow stale, as a device does that is well. */
export const renew = (mock: MockDevice): Effect.Effect<void> => {
  const names = mock.definition.order.filter((name) => cellOf(mock, name).maxAge < Infinity)
  if (!mock.renews || names.length === 0) return Effect.void
  const millis = renewalPart * Math.min(...names.map((name) => cellOf(mock, name).maxAge))
  return Effect.sync(() => publish(mock, names)).pipe(Effect.delay(millis), Effect.forever)
}
