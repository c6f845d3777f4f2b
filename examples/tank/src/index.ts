/** The coupled-tanks example: its water, its device, its device process and its level controller. */
export * as LevelControl from "./LevelControl.ts"
export * as Noise from "./Noise.ts"
export * as Pid from "./Pid.ts"
export * as TankModel from "./TankModel.ts"
export * as TankOptions from "./TankOptions.ts"
export * as TankSimulator from "./TankSimulator.ts"
export * as TankStore from "./TankStore.ts"
