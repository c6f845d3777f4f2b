/** Remembered actors in memory, with the rules of the real store. */
import { Effect } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { RememberedStoreService } from "../../RememberedStore.ts"

/** An empty store; what it is told is acknowledged at once. */
export const makeMemoryRemembered = (): RememberedStoreService => {
  const rows = new Map<string, { readonly address: ActorAddress; readonly owner: string }>()
  return {
    change: ({ forgotten, owner, remembered }) =>
      Effect.sync(() => {
        for (const address of remembered) rows.set(nameOf(address), { address, owner })
        for (const address of forgotten) {
          if (rows.get(nameOf(address))?.owner === owner) rows.delete(nameOf(address))
        }
      }),
    list: (after, limit) =>
      Effect.sync(() =>
        [...rows.keys()]
          .filter((name) => after === undefined || name > nameOf(after))
          .sort()
          .slice(0, limit)
          .flatMap((name) => rows.get(name)?.address ?? [])
      )
  }
}

/** In the order of types, then of ids. */
const nameOf = ({ id, type }: ActorAddress): string => `${type}\u0000${id}`
