/** The coupled-tanks example: its water, its device, its device process and its level controller. */
export * as LevelControl from "./LevelControl.ts"
export * as Noise from "./Noise.ts"
export * as Pid from "./Pid.ts"
export * as TankModel from "./TankModel.ts"
