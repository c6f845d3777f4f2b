/** The receptionist of one process: listings by key, each entry with a watch on its actor. */
import type { Rpc } from "@effect/rpc"
import { Effect, type Scope, type Stream } from "effect"
import type { Client } from "../../Actor.ts"
import type { ActorAddress } from "../../ActorAddress.ts"
import { ActorSystem, type ActorSystemService } from "../../ActorSystem.ts"
import type { Key, ReceptionistService, RegisterError, Settings } from "../../Receptionist.ts"
import { ReceptionistFull } from "../../ReceptionistError.ts"
import { Newest } from "./newest.ts"

/** Makes a receptionist that lives until the scope closes. */
export const makeRegistry = (
  settings: Settings
): Effect.Effect<ReceptionistService, never, ActorSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const system = yield* ActorSystem
    const registry = new Registry(settings, system)
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

interface Entry {
  readonly address: ActorAddress
  unwatch: () => void
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

  constructor(settings: Settings, system: ActorSystemService) {
    this.settings = settings
    this.system = system
  }

  /** Lists an actor; one that is not alive is started first. */
  register(key: string, address: ActorAddress): Effect.Effect<void, RegisterError> {
    return Effect.suspend(() => {
      const outcome = this.add(key, address)
      if (outcome === "listed") return Effect.void
      if (outcome !== "not-alive") return Effect.fail(outcome)
      return Effect.flatMap(this.system.start(address), () => {
        const outcome = this.add(key, address)
        // One that has ended again meanwhile is rightly not listed.
        return typeof outcome === "string" ? Effect.void : Effect.fail(outcome)
      })
    })
  }

  remove(key: string, id: string): void {
    const entry = this.listings.get(key)?.entries.get(id)
    if (entry === undefined) return
    entry.unwatch()
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
      for (const { unwatch } of entries.values()) unwatch()
      entries.clear()
      addresses.close()
    }
    this.listings.clear()
  }

  private add(key: string, address: ActorAddress): "listed" | "not-alive" | ReceptionistFull {
    const listing = this.roomFor(key, address.id)
    if (listing instanceof ReceptionistFull) return listing
    const { addresses, entries } = listing
    const known = entries.get(address.id)
    // It may be of an activation before this one: from now on this one's end counts.
    known?.unwatch()
    const entry: Entry = known ?? { address, unwatch: () => undefined }
    let alive = true
    const unwatch = this.system.engine.watch(address, () => {
      alive = false
      this.drop(key, entry)
    })
    if (!alive) {
      this.tidy(key)
      return "not-alive"
    }
    entry.unwatch = unwatch
    if (known === undefined) {
      entries.set(address.id, entry)
      addresses.changed()
    }
    return "listed"
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
