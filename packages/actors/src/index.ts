/**
 * The local actor runtime of plantd. The stores on SQL are not loaded by it: import them by their
 * own names, `@plantd/actors/SqlDurableStore`; what is for tests is `@plantd/actors/testing`. What
 * else a service's module has, such as `defaults`, is found by its name, too:
 * `@plantd/actors/ActorSystem`. There the types of settings are called `Settings`.
 */
export * as Actor from "./Actor.ts"
export * as ActorAddress from "./ActorAddress.ts"
export { ActorContext, type ActorContextService, type EndReason } from "./ActorContext.ts"
export * as ActorError from "./ActorError.ts"
export {
  ActorSystem,
  type ActorSystemService,
  type Settings as ActorSystemSettings,
  type Stats as ActorSystemStats
} from "./ActorSystem.ts"
export * as DeadLetter from "./DeadLetter.ts"
export * as DeathWatch from "./DeathWatch.ts"
export * as DurableError from "./DurableError.ts"
export * as DurableMessages from "./DurableMessages.ts"
export * as DurableState from "./DurableState.ts"
export { DurableStore, type DurableStoreService } from "./DurableStore.ts"
export { EventLoop, type EventLoopService } from "./EventLoop.ts"
export * as EventSourced from "./EventSourced.ts"
export * as Handling from "./Handling.ts"
export * as LifecycleEvent from "./LifecycleEvent.ts"
export * as Mailbox from "./Mailbox.ts"
export { MessageStore, type MessageStoreService } from "./MessageStore.ts"
export * as Placement from "./Placement.ts"
export * as Quarantine from "./Quarantine.ts"
export { QuarantineStore, type QuarantineStoreService } from "./QuarantineStore.ts"
export {
  type Key as ReceptionistKey,
  Receptionist,
  type ReceptionistService,
  type Settings as ReceptionistSettings
} from "./Receptionist.ts"
export * as ReceptionistError from "./ReceptionistError.ts"
export * as Remembered from "./Remembered.ts"
export { RememberedStore, type RememberedStoreService } from "./RememberedStore.ts"
export * as Reminder from "./Reminder.ts"
export * as ReminderError from "./ReminderError.ts"
export { ReminderStore, type ReminderStoreService } from "./ReminderStore.ts"
export * as RendezvousHash from "./RendezvousHash.ts"
export * as Router from "./Router.ts"
export * as RouterError from "./RouterError.ts"
export * as Stash from "./Stash.ts"
export * as StateMachine from "./StateMachine.ts"
export * as Supervision from "./Supervision.ts"
export * as SupervisionTree from "./SupervisionTree.ts"
export * as Supervisor from "./Supervisor.ts"
export * as SupervisorError from "./SupervisorError.ts"
export * as Timers from "./Timers.ts"
