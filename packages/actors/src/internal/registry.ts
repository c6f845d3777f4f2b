/** The receptionist of one process: listings by key, each entry with a watch on its actor. */
import type { Rpc } from "@effect/rpc"
import { Effect, type Fiber, FiberId, Runtime, Schema, type Scope, type Stream } from "effect"
import type { Client } from "../Actor.ts"
import type { ActorAddress } from "../ActorAddress.ts"
import { ActorSystem, type ActorSystemService } from "../ActorSystem.ts"
import type { Terminated } from "../DeathWatch.ts"
import type { Key, ReceptionistService, RegisterError, Settings } from "../Receptionist.ts"
import { Newest } from "./newest.ts"

/** The receptionist holds as much of something as its setting `limit` allows. */
export class ReceptionistFull extends Schema.TaggedError<ReceptionistFull>()("ReceptionistFull", {
  key: Schema.String,
  limit: Schema.Literal("keysMax", "actorsPerKeyMax", "readersPerKeyMax"),
  max: Schema.Number
}) {
  override get message(): string {
    return `the key ${this.key} would exceed the receptionist's ${this.limit}, which is ${this.max};`
      + " raise it by Receptionist.layerWith, or let actors and readers go"
  }
}

/** Makes a receptionist that lives until the scope closes. */
export const makeRegistry = (
  settings: Settings
): Effect.Effect<ReceptionistService, never, ActorSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const system = yield* ActorSystem
    const runtime = yield* Effect.runtime()
    const registry = new Registry(settings, system, runtime)
    yield* Effect.addFinalizer(() => Effect.sync(() => registry.close()))
    const deregister: ReceptionistService["deregister"] = ({ actor, name }, id) =>
      Effect.sync(() => registry.remove(keyOf(name, actor.name), id))
    const register: ReceptionistService["register"] = ({ actor, name }, id) =>
      registry.register(keyOf(name, actor.name), actor.at(id))
    return {
      register,
      registerScoped: (key, id) =>
        Effect.acquireRelease(register(key, id), () => deregister(key, id)),
      deregister,
      find: ({ actor, name }) => Effect.sync(() => registry.find(keyOf(name, actor.name))),
      clients: (key) => clientsOf(system, key, registry),
      subscribe: ({ actor, name }) => registry.subscribe(keyOf(name, actor.name))
    }
  })

const clientsOf = <Name extends string, Rpcs extends Rpc.Any>(
  system: ActorSystemService,
  { actor, name }: Key<Name, Rpcs>,
  registry: Registry
): Effect.Effect<ReadonlyArray<Client<Rpcs>>> =>
  Effect.map(
    Effect.provideService(actor.client, ActorSystem, system),
    (client) => registry.find(keyOf(name, actor.name)).map(({ id }) => client(id))
  )

/** Unique, since an identifier has no space. */
const keyOf = (name: string, type: string): string => `${name} of ${type}`

type Watch = Fiber.RuntimeFiber<Terminated>

interface Entry {
  readonly address: ActorAddress
  watch: Watch
}

interface Listing {
  readonly entries: Map<string, Entry>
  /** Made of the entries when it is first asked for. */
  readonly addresses: Newest<ReadonlyArray<ActorAddress>>
}

const nobody: ReadonlyArray<ActorAddress> = []

class Registry {
  private readonly listings = new Map<string, Listing>()
  private readonly settings: Settings
  private readonly system: ActorSystemService
  private readonly runtime: Runtime.Runtime<never>

  constructor(settings: Settings, system: ActorSystemService, runtime: Runtime.Runtime<never>) {
    this.settings = settings
    this.system = system
    this.runtime = runtime
  }

  /** Lists an actor; one that is not alive is started first. */
  register(key: string, address: ActorAddress): Effect.Effect<void, RegisterError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.watched(address), (watch) => {
        if (watch !== undefined) return this.add(key, address, watch)
        this.remove(key, address.id)
        const started = restore(this.system.start(address))
        return Effect.flatMap(Effect.zipRight(started, this.watched(address)), (watch) =>
          // One that has ended again meanwhile is rightly not listed.
          watch === undefined ? Effect.void : this.add(key, address, watch))
      })
    )
  }

  remove(key: string, id: string): void {
    const entry = this.listings.get(key)?.entries.get(id)
    if (entry === undefined) return
    entry.watch.unsafeInterruptAsFork(FiberId.none)
    this.drop(key, entry)
  }

  find(key: string): ReadonlyArray<ActorAddress> {
    return this.listings.get(key)?.addresses.value ?? nobody
  }

  subscribe(key: string): Stream.Stream<ReadonlyArray<ActorAddress>, ReceptionistFull> {
    return Newest.stream(
      () => {
        const listing = this.listing(key)
        if (listing instanceof ReceptionistFull) return listing
        const { readersPerKeyMax: max } = this.settings
        if (listing.addresses.readers < max) return listing.addresses
        return new ReceptionistFull({ key, limit: "readersPerKeyMax", max })
      },
      () => this.tidy(key)
    )
  }

  /** Ends all watches and streams. */
  close(): void {
    for (const { addresses, entries } of this.listings.values()) {
      for (const { watch } of entries.values()) watch.unsafeInterruptAsFork(FiberId.none)
      entries.clear()
      addresses.close()
    }
    this.listings.clear()
  }

  /** A watch on an actor, or `undefined` where it is not alive. */
  private watched(address: ActorAddress): Effect.Effect<Watch | undefined> {
    return Effect.suspend(() => {
      const watch = Runtime.runFork(this.runtime)(this.system.watch(address))
      // Where the actor is not alive its end was told at once: the fiber is done before this one.
      return Effect.map(
        Effect.yieldNow(),
        () => watch.unsafePoll() === null ? watch : undefined
      )
    })
  }

  private add(
    key: string,
    address: ActorAddress,
    watch: Watch
  ): Effect.Effect<void, ReceptionistFull> {
    return Effect.suspend(() => {
      const listing = this.roomFor(key, address.id)
      if (listing instanceof ReceptionistFull) {
        watch.unsafeInterruptAsFork(FiberId.none)
        return Effect.fail(listing)
      }
      const { addresses, entries } = listing
      const known = entries.get(address.id)
      const entry = known ?? { address, watch }
      // The entry may be of an activation whose end is on its way: from now on this one counts.
      known?.watch.unsafeInterruptAsFork(FiberId.none)
      entry.watch = watch
      watch.addObserver(() => {
        if (entry.watch === watch) this.drop(key, entry)
      })
      if (known === undefined) {
        entries.set(address.id, entry)
        addresses.changed()
      }
      return Effect.void
    })
  }

  private roomFor(key: string, id: string): Listing | ReceptionistFull {
    const listing = this.listing(key)
    if (listing instanceof ReceptionistFull || listing.entries.has(id)) return listing
    const { actorsPerKeyMax: max } = this.settings
    if (listing.entries.size < max) return listing
    return new ReceptionistFull({ key, limit: "actorsPerKeyMax", max })
  }

  private drop(key: string, entry: Entry): void {
    const listing = this.listings.get(key)
    if (listing?.entries.get(entry.address.id) !== entry) return
    listing.entries.delete(entry.address.id)
    listing.addresses.changed()
    this.tidy(key)
  }

  private listing(key: string): Listing | ReceptionistFull {
    const known = this.listings.get(key)
    if (known !== undefined) return known
    const { keysMax: max } = this.settings
    if (this.listings.size >= max) return new ReceptionistFull({ key, limit: "keysMax", max })
    const entries = new Map<string, Entry>()
    const addresses = new Newest(() => Array.from(entries.values(), ({ address }) => address))
    const listing = { entries, addresses }
    this.listings.set(key, listing)
    return listing
  }

  /** Forgets a key that nobody stands under and nobody reads. */
  private tidy(key: string): void {
    const listing = this.listings.get(key)
    if (listing === undefined || listing.entries.size > 0) return
    if (listing.addresses.readers === 0) this.listings.delete(key)
  }
}
