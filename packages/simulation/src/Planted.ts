/**
 * Bugs that are planted on purpose, so that a test shows that the checkers find them. They stand
 * between nodes and their stores, or their wires: nothing of them is in what nodes run.
 */
import { DurableStore, type DurableStoreService } from "@plantd/actors"
import {
  LeaseStore,
  type LeaseStoreService,
  PeerTransport,
  type PeerTransportService
} from "@plantd/cluster"
import { Context, Effect, Layer, Random, Schema } from "effect"

/** The bugs. */
export const Bug = Schema.Literal(
  "lease-expiry-ignored",
  "fence-unchecked",
  "acknowledged-unwritten",
  "letters-swapped",
  "letters-lost"
)
/**
 * The bugs.
 * - `lease-expiry-ignored`: a node that cannot renew its leases believes that it has them still.
 * - `fence-unchecked`: the store takes what a former owner of an entity writes.
 * - `acknowledged-unwritten`: a node takes its writes for done before they are.
 * - `letters-swapped`: the letters of a batch come in reverse.
 * - `letters-lost`: some letters are lost, of a batch that was taken.
 */
export type Bug = typeof Bug.Type

/** How long a write waits that was acknowledged before. */
const lateMillis = 300

const leases = (store: LeaseStoreService): LeaseStoreService => {
  let held: ReadonlyArray<string> = []
  return {
    ...store,
    renew: (holding) =>
      store.renew(holding).pipe(
        Effect.tap((renewed) => Effect.sync(() => void (held = renewed))),
        Effect.orElse(() => Effect.sync(() => held))
      )
  }
}

const unfenced = (store: DurableStoreService): DurableStoreService => ({
  ...store,
  write: (request) =>
    Effect.flatMap(store.read(request.entity), (stored) =>
      store.write(
        stored === undefined
          ? request
          : { ...request, fence: stored.fence, expected: stored.revision }
      ))
})

const early = (store: DurableStoreService): DurableStoreService => ({
  ...store,
  write: (request) =>
    Effect.asVoid(Effect.forkDaemon(Effect.delay(store.write(request), lateMillis)))
})

/** How many letters are lost, of 1. */
const lost = 0.05

/** What is posted has these letters of it, by position. */
const posting = (
  transport: PeerTransportService,
  choose: (letters: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<number>>
): PeerTransportService => ({
  ...transport,
  connect: (address) =>
    Effect.map(
      transport.connect(address),
      (post) => (batch) =>
        Effect.flatMap(choose(batch.letters), (chosen) =>
          Effect.map(
            post({ ...batch, letters: chosen.map((position) => batch.letters[position]) }),
            ({ elsewhere }) => ({
              elsewhere: elsewhere.flatMap((position) => chosen[position] ?? [])
            })
          ))
    )
})

const swapped = (letters: ReadonlyArray<unknown>) =>
  Effect.succeed(letters.map((_, position) => letters.length - 1 - position))

const someLost = (letters: ReadonlyArray<unknown>) =>
  Effect.filter(
    letters.map((_, position) => position),
    () => Effect.map(Random.next, (chance) => chance >= lost)
  )

/** The transport of a node, with a bug in between. */
export const onWires = (
  bug: Bug | undefined,
  transport: Layer.Layer<PeerTransport>
): Layer.Layer<PeerTransport> => {
  if (bug !== "letters-swapped" && bug !== "letters-lost") return transport
  const choose = bug === "letters-swapped" ? swapped : someLost
  return Layer.map(
    transport,
    (context) => mapped(context, PeerTransport, (service) => posting(service, choose))
  )
}

/** The stores, with a bug where they are. */
export const inStorage = <R>(
  bug: Bug | undefined,
  stores: Context.Context<R>
): Context.Context<R> => bug === "fence-unchecked" ? mapped(stores, DurableStore, unfenced) : stores

/** The stores of a node, with a bug in between. */
export const inNode = <R>(bug: Bug | undefined, stores: Context.Context<R>): Context.Context<R> => {
  switch (bug) {
    case "lease-expiry-ignored":
      return mapped(stores, LeaseStore, leases)
    case "acknowledged-unwritten":
      return mapped(stores, DurableStore, early)
    default:
      return stores
  }
}

const mapped = <R, I, S>(
  stores: Context.Context<R>,
  tag: Context.Tag<I, S>,
  change: (service: S) => S
): Context.Context<R> => {
  const found = Context.getOption(stores as Context.Context<never>, tag)
  return found._tag === "None"
    ? stores
    : Context.add(stores, tag, change(found.value)) as Context.Context<R>
}
