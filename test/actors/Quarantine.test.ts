import { ReminderStore } from "@plantd/actors/ReminderStore"
import { quarantineContract } from "./quarantineContract.ts"

quarantineContract("in memory", ReminderStore.layerMemory)
