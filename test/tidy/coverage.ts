/**
 * Which test covers the modules that have none of their own: private mechanisms, whose promises are
 * made by a public module, and entry points, which run as processes.
 */

/** For each test, the modules that it covers besides its own. */
const covers: Readonly<Record<string, ReadonlyArray<string>>> = {
  "test/core/Codec.test.ts": [
    "packages/core/src/internal/msgpackShape.ts",
    "packages/core/src/internal/plainData.ts"
  ],
  "test/actors/Actor.test.ts": [
    "packages/actors/src/internal/answer.ts",
    "packages/actors/src/internal/behaviour.ts",
    "packages/actors/src/internal/broadcast.ts",
    "packages/actors/src/internal/causeText.ts",
    "packages/actors/src/internal/cell.ts",
    "packages/actors/src/internal/client.ts",
    "packages/actors/src/internal/closing.ts",
    "packages/actors/src/internal/construct.ts",
    "packages/actors/src/internal/dispatcher.ts",
    "packages/actors/src/internal/envelope.ts",
    "packages/actors/src/internal/handlers.ts",
    "packages/actors/src/internal/host.ts",
    "packages/actors/src/internal/immediate.ts",
    "packages/actors/src/internal/inFlight.ts",
    "packages/actors/src/internal/messageLoop.ts",
    "packages/actors/src/internal/postbox.ts",
    "packages/actors/src/internal/registration.ts",
    "packages/actors/src/internal/restarts.ts",
    "packages/actors/src/internal/timetable.ts",
    "packages/actors/src/internal/workers.ts"
  ],
  "test/actors/ActorSystem.test.ts": [
    "packages/actors/src/internal/localSystem.ts",
    "packages/actors/src/internal/species.ts"
  ],
  "test/actors/ActorContext.test.ts": ["packages/actors/src/internal/incarnation.ts"],
  "test/actors/LifecycleLog.test.ts": ["packages/actors/src/internal/lifecycleLog.ts"],
  "test/actors/Supervision.test.ts": ["packages/actors/src/internal/checked.ts"],
  "test/actors/DeathWatch.test.ts": ["packages/actors/src/internal/onlookers.ts"],
  "test/actors/Serialization.test.ts": ["packages/actors/src/internal/roundTrip.ts"],
  "test/actors/Stash.test.ts": ["packages/actors/src/internal/lanes.ts"],
  "test/actors/Timers.test.ts": ["packages/actors/src/internal/timer.ts"],
  "test/actors/Behaviour.test.ts": [
    "packages/actors/src/internal/rehearsal.ts",
    "packages/actors/src/internal/stagehand.ts"
  ],
  "test/actors/TestProbe.test.ts": [
    "packages/actors/src/internal/played.ts",
    "packages/actors/src/internal/sightings.ts"
  ],
  "test/actors/TestSystem.test.ts": ["packages/actors/src/internal/settling.ts"],
  "test/actors/Reminder.test.ts": [
    "packages/actors/src/internal/durableDelivery.ts",
    "packages/actors/src/internal/reminderRequest.ts",
    "packages/actors/src/internal/reminderSchedule.ts",
    "packages/actors/src/internal/reminderScheduler.ts"
  ],
  "test/actors/ReminderStore.test.ts": [
    "packages/actors/src/QuarantineStore.ts",
    "packages/actors/src/internal/memoryReminders.ts"
  ],
  "test/actors/SqlReminderStore.test.ts": [
    "packages/actors/src/internal/reminderSql.ts",
    "packages/actors/src/internal/sqlReminders.ts"
  ],
  "test/actors/Receptionist.test.ts": [
    "packages/actors/src/ReceptionistError.ts",
    "packages/actors/src/internal/newest.ts",
    "packages/actors/src/internal/registry.ts"
  ],
  "test/actors/StateMachine.test.ts": [
    "packages/actors/src/internal/machine.ts",
    "packages/actors/src/internal/machineCheck.ts",
    "packages/actors/src/internal/machineDefinition.ts",
    "packages/actors/src/internal/machineRun.ts",
    "packages/actors/src/internal/machineTypes.ts"
  ],
  "test/actors/DurableState.test.ts": [
    "packages/actors/src/internal/holding.ts",
    "packages/actors/src/internal/jsonText.ts",
    "packages/actors/src/internal/turnstile.ts"
  ],
  "test/actors/DurableStore.test.ts": ["packages/actors/src/internal/memoryStore.ts"],
  "test/actors/SqlDurableStore.test.ts": [
    "packages/actors/src/internal/durableSql.ts",
    "packages/actors/src/internal/entityKey.ts",
    "packages/actors/src/internal/groupCommit.ts",
    "packages/actors/src/internal/migrations.ts",
    "packages/actors/src/internal/sqlDatabase.ts",
    "packages/actors/src/internal/sqlStore.ts",
    "packages/actors/src/internal/sqlTransaction.ts",
    "packages/actors/src/internal/writeQueue.ts"
  ],
  "test/actors/Router.test.ts": [
    "packages/actors/src/RouterError.ts",
    "packages/actors/src/internal/routed.ts"
  ],
  "test/actors/Supervisor.test.ts": [
    "packages/actors/src/internal/lineage.ts",
    "packages/actors/src/internal/offspring.ts",
    "packages/actors/src/internal/parenthood.ts",
    "packages/actors/src/internal/supervised.ts"
  ],
  "test/hardware/Device.test.ts": [
    "packages/hardware/src/internal/attributeTable.ts",
    "packages/hardware/src/internal/deviceActor.ts",
    "packages/hardware/src/internal/deviceClient.ts",
    "packages/hardware/src/internal/deviceCommands.ts",
    "packages/hardware/src/internal/deviceProtocol.ts"
  ],
  "test/hardware/Driver.test.ts": [
    "packages/hardware/src/internal/driverCommands.ts",
    "packages/hardware/src/internal/driverEngine.ts",
    "packages/hardware/src/internal/driverHandlers.ts",
    "packages/hardware/src/internal/driverRequests.ts",
    "packages/hardware/src/internal/driverSessions.ts",
    "packages/hardware/src/internal/driverState.ts",
    "packages/hardware/src/internal/logLimiter.ts",
    "packages/hardware/src/internal/nameOf.ts"
  ],
  "test/hardware/DriverSafety.test.ts": ["packages/hardware/src/internal/driverSafety.ts"],
  "test/hardware/ZmqLink.test.ts": [
    "packages/hardware/src/Link.ts",
    "packages/hardware/src/internal/linkCore.ts",
    "packages/hardware/src/internal/linkInbound.ts",
    "packages/hardware/src/internal/linkRequests.ts"
  ],
  "test/hardware/Transport.test.ts": [
    "packages/hardware/src/internal/endpoint.ts",
    "packages/hardware/src/internal/inbox.ts",
    "packages/hardware/src/internal/transportDetail.ts",
    "packages/hardware/src/internal/transportMetrics.ts"
  ],
  "test/tank/tankProcess.test.ts": ["examples/tank/src/internal/parentGone.ts"],
  "test/node/Demo.test.ts": ["packages/node/src/DemoStage.ts"],
  "test/integration/demo.test.ts": ["packages/node/src/main.ts"],
  "test/integration/examples.test.ts": [
    "examples/actors/src/bankAccount.ts",
    "examples/actors/src/diningPhilosophers.ts",
    "examples/actors/src/pingPong.ts",
    "examples/actors/src/supervisionTree.ts",
    "examples/actors/src/trafficLight.ts",
    "examples/first-steps/src/counter.ts",
    "examples/first-steps/src/heater.ts"
  ],
  "test/hardware/SimulatedNetwork.test.ts": [
    "packages/hardware/src/internal/simulatedConnection.ts",
    "packages/hardware/src/internal/simulatedPipe.ts",
    "packages/hardware/src/internal/simulatedSocket.ts",
    "packages/hardware/src/internal/timeline.ts"
  ]
}

/** For each module without a test of its own, the test that covers it. */
export const coveredBy: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(covers).flatMap(([test, modules]) => modules.map((module) => [module, test]))
)
