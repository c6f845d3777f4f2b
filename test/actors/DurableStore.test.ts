import { DurableStore } from "@plantd/actors/DurableStore"
import { inMemory } from "./durable.ts"
import { durableStoreContract } from "./durableStoreContract.ts"

durableStoreContract("in memory", DurableStore.layerMemory)
durableStoreContract("on SQLite", inMemory)
