/** The system of one node of many: what its placement's owner may do with it. */
import { Effect, type Scope } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { Settings } from "../../ActorSystem.ts"
import type { HostedSystem, Placement, Received } from "../../Placement.ts"
import type { Cell } from "./cell.ts"
import { type LocalSystem, makeSystem, serviceOf } from "./localSystem.ts"
import { envelopeOf, tellEnd } from "./received.ts"
import type { LocalSpecies } from "./species.ts"

/** Between two looks whether a moving actor has handled what it took, in milliseconds. */
const lookMillis = 2

/** A system on a placement, and what moves actors from it. */
export const makeHostedSystem = (
  settings: Settings,
  placement: Placement
): Effect.Effect<HostedSystem, never, Scope.Scope> =>
  Effect.map(makeSystem(settings, placement), (system) => ({
    service: serviceOf(system),
    receive: (message) => receive(system, message),
    gained: () => system.gained(),
    protocolOf: (type) => system.protocolOf(type) ?? system.met.get(type),
    hasType: (type) => system.species.has(type),
    types: () => [...system.species.keys()],
    residents: () => cellsOf(system, () => true).map(([, cell]) => cell.address),
    release: (concerns, { withinMillis }) =>
      Effect.suspend(() =>
        Effect.forEach(
          cellsOf(system, concerns),
          ([species, cell]) => release(system, { species, cell, withinMillis }),
          { concurrency: "unbounded", discard: true }
        )
      ),
    revoke: (concerns) =>
      Effect.suspend(() =>
        Effect.forEach(
          cellsOf(system, concerns),
          ([species, cell]) => {
            // First: what is forced ends as it is stopped.
            cell.stop("moved")
            cell.force()
            return species.stopCell(cell, "moved")
          },
          { concurrency: "unbounded", discard: true }
        )
      )
  }))

const receive = (system: LocalSystem, message: Received): () => void => {
  const envelope = envelopeOf(message, system.now())
  const { address: { id, type } } = message
  system.deliverHere(type, id, envelope)
  tellEnd(envelope, message)
  return () => envelope.owner?.cancel(envelope)
}

/** The last started first, as in a shutdown. */
const cellsOf = (
  system: LocalSystem,
  concerns: (address: ActorAddress) => boolean
): ReadonlyArray<readonly [LocalSpecies, Cell]> => {
  const found: Array<readonly [LocalSpecies, Cell]> = []
  for (const species of system.species.values()) {
    for (const cell of species.cells.values()) {
      if (concerns(cell.address)) found.push([species, cell])
    }
  }
  return found.sort(([, a], [, b]) => b.serial - a.serial)
}

const release = (
  system: LocalSystem,
  { cell, species, withinMillis }: {
    readonly species: LocalSpecies
    readonly cell: Cell
    readonly withinMillis: number
  }
): Effect.Effect<void> => {
  const until = system.now() + withinMillis
  const emptied: Effect.Effect<void> = Effect.suspend(() =>
    cell.hasMessages() && system.now() < until
      ? Effect.zipRight(Effect.sleep(lookMillis), emptied)
      : Effect.void
  )
  return Effect.zipRight(emptied, Effect.suspend(() => species.stopCell(cell, "moved")))
}
