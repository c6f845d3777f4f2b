import { DeviceStore } from "@plantd/hardware"
import { deviceStoreContract } from "./deviceStoreContract.ts"
import { inMemory } from "./deviceStores.ts"

deviceStoreContract("in memory", DeviceStore.layerMemory)
deviceStoreContract("on SQLite", inMemory)
