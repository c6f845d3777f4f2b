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
    "packages/actors/src/internal/engine/answer.ts",
    "packages/actors/src/internal/engine/behaviour.ts",
    "packages/actors/src/internal/engine/broadcast.ts",
    "packages/actors/src/internal/causeText.ts",
    "packages/actors/src/internal/engine/cell.ts",
    "packages/actors/src/internal/engine/client.ts",
    "packages/actors/src/internal/engine/closing.ts",
    "packages/actors/src/internal/engine/construct.ts",
    "packages/actors/src/internal/engine/dispatcher.ts",
    "packages/actors/src/internal/engine/envelope.ts",
    "packages/actors/src/internal/engine/handlers.ts",
    "packages/actors/src/internal/engine/host.ts",
    "packages/actors/src/internal/engine/immediate.ts",
    "packages/actors/src/internal/engine/inFlight.ts",
    "packages/actors/src/internal/engine/messageLoop.ts",
    "packages/actors/src/internal/engine/postbox.ts",
    "packages/actors/src/internal/engine/registration.ts",
    "packages/actors/src/internal/engine/restarts.ts",
    "packages/actors/src/internal/engine/timetable.ts",
    "packages/actors/src/internal/engine/workers.ts"
  ],
  "test/actors/ActorSystem.test.ts": [
    "packages/actors/src/internal/engine/localSystem.ts",
    "packages/actors/src/internal/engine/species.ts"
  ],
  "test/simulation/Determinism.test.ts": ["packages/simulation/src/internal/guard.ts"],
  "test/simulation/Chaos.test.ts": [
    "packages/simulation/src/internal/chaos.ts",
    "packages/simulation/src/internal/holds.ts"
  ],
  "test/simulation/Faults.test.ts": ["packages/simulation/src/internal/chance.ts"],
  "test/simulation/Simulation.test.ts": [
    "packages/simulation/src/internal/agenda.ts",
    "packages/simulation/src/internal/checks.ts",
    "packages/simulation/src/internal/deedText.ts",
    "packages/simulation/src/internal/lives.ts",
    "packages/simulation/src/internal/machine.ts",
    "packages/simulation/src/internal/network.ts",
    "packages/simulation/src/internal/peers.ts",
    "packages/simulation/src/internal/rarities.ts",
    "packages/simulation/src/internal/sim.ts",
    "packages/simulation/src/internal/site.ts",
    "packages/simulation/src/internal/storage.ts",
    "packages/simulation/src/internal/world.ts"
  ],
  "test/simulation/Checkers.test.ts": ["packages/simulation/src/internal/linearizable.ts"],
  "test/simulation/Scenarios.test.ts": [
    "packages/simulation/src/Scenario.ts",
    "packages/simulation/src/internal/scenarios/doser.ts",
    "packages/simulation/src/internal/scenarios/fuse.ts",
    "packages/simulation/src/internal/scenarios/ledger.ts",
    "packages/simulation/src/internal/scenarios/notebook.ts",
    "packages/simulation/src/internal/scenarios/register.ts",
    "packages/simulation/src/internal/scenarios/typist.ts",
    "packages/simulation/src/internal/scenarios/watcher.ts",
    "packages/simulation/src/internal/scenarios/workloads.ts"
  ],
  "test/node/ClusterCommand.test.ts": ["packages/node/src/NodeCommand.ts"],
  "test/actors/Placement.test.ts": [
    "packages/actors/src/internal/engine/hostedSystem.ts",
    "packages/actors/src/internal/engine/parcel.ts",
    "packages/actors/src/internal/engine/received.ts"
  ],
  "test/cluster/ClusterSystem.test.ts": [
    "packages/cluster/src/Cluster.ts",
    "packages/cluster/src/internal/caller.ts",
    "packages/cluster/src/internal/clusterEngine.ts",
    "packages/cluster/src/internal/clusterNode.ts",
    "packages/cluster/src/internal/heldLeases.ts",
    "packages/cluster/src/internal/inbox.ts",
    "packages/cluster/src/internal/leaseClock.ts",
    "packages/cluster/src/internal/leaseKeeper.ts",
    "packages/cluster/src/internal/memberEvents.ts",
    "packages/cluster/src/internal/membership.ts",
    "packages/cluster/src/internal/peer.ts",
    "packages/cluster/src/internal/router.ts",
    "packages/cluster/src/internal/shardMap.ts"
  ],
  "test/cluster/Lateness.test.ts": ["packages/cluster/src/internal/batchAge.ts"],
  "test/cluster/PeerTransport.test.ts": ["packages/cluster/src/internal/letters.ts"],
  "test/cluster/Moves.test.ts": [
    "packages/cluster/src/internal/courses.ts",
    "packages/cluster/src/internal/returnedTell.ts"
  ],
  "test/cluster/Streams.test.ts": [
    "packages/cluster/src/internal/readStream.ts",
    "packages/cluster/src/internal/servedStream.ts"
  ],
  "test/cluster/Watches.test.ts": ["packages/cluster/src/internal/remoteWatch.ts"],
  "test/cluster/LeaseStore.test.ts": [
    "packages/cluster/src/internal/clusterSecret.ts",
    "packages/cluster/src/internal/memoryLeases.ts",
    "packages/cluster/src/internal/protocols.ts"
  ],
  "test/cluster/SqlLeaseStore.test.ts": ["packages/cluster/src/internal/leaseSql.ts"],
  "test/cluster/SocketTransport.test.ts": ["packages/cluster/src/internal/securedSockets.ts"],
  "test/actors/ActorContext.test.ts": ["packages/actors/src/internal/engine/incarnation.ts"],
  "test/actors/LifecycleLog.test.ts": ["packages/actors/src/internal/engine/lifecycleLog.ts"],
  "test/actors/Supervision.test.ts": ["packages/actors/src/internal/checked.ts"],
  "test/actors/DeathWatch.test.ts": ["packages/actors/src/internal/engine/onlookers.ts"],
  "test/actors/Serialization.test.ts": ["packages/actors/src/internal/engine/roundTrip.ts"],
  "test/actors/Stash.test.ts": ["packages/actors/src/internal/engine/lanes.ts"],
  "test/actors/Timers.test.ts": ["packages/actors/src/internal/engine/timer.ts"],
  "test/actors/Behaviour.test.ts": [
    "packages/actors/src/internal/testing/rehearsal.ts",
    "packages/actors/src/internal/testing/stagehand.ts"
  ],
  "test/actors/TestProbe.test.ts": [
    "packages/actors/src/internal/testing/played.ts",
    "packages/actors/src/internal/testing/sightings.ts"
  ],
  "test/actors/TestSystem.test.ts": ["packages/actors/src/internal/testing/settling.ts"],
  "test/actors/Remembered.test.ts": [
    "packages/actors/src/RememberedStore.ts",
    "packages/actors/src/SqlRememberedStore.ts",
    "packages/actors/src/internal/engine/listening.ts",
    "packages/actors/src/internal/engine/repeatedly.ts",
    "packages/actors/src/internal/remembered/keepAlive.ts",
    "packages/actors/src/internal/remembered/memoryRemembered.ts",
    "packages/actors/src/internal/remembered/sayMissing.ts",
    "packages/actors/src/internal/remembered/writeDown.ts"
  ],
  "test/actors/MessageStore.test.ts": [
    "packages/actors/src/SqlMessageStore.ts",
    "packages/actors/src/internal/messages/memoryMessages.ts",
    "packages/actors/src/internal/messages/messageSql.ts",
    "packages/actors/src/internal/messages/sqlMessages.ts"
  ],
  "test/actors/DurableMessages.test.ts": [
    "packages/actors/src/MessageCodec.ts",
    "packages/actors/src/internal/messages/answerText.ts",
    "packages/actors/src/internal/messages/attempts.ts",
    "packages/actors/src/internal/messages/desk.ts",
    "packages/actors/src/internal/messages/deskWork.ts",
    "packages/actors/src/internal/messages/durableSender.ts",
    "packages/actors/src/internal/messages/sender.ts"
  ],
  "test/actors/Reminder.test.ts": [
    "packages/actors/src/internal/reminders/durableDelivery.ts",
    "packages/actors/src/internal/reminders/reminderRequest.ts",
    "packages/actors/src/internal/reminders/reminderSchedule.ts",
    "packages/actors/src/internal/reminders/reminderScheduler.ts"
  ],
  "test/actors/ReminderStore.test.ts": [
    "packages/actors/src/QuarantineStore.ts",
    "packages/actors/src/internal/reminders/memoryReminders.ts"
  ],
  "test/actors/SqlReminderStore.test.ts": [
    "packages/actors/src/internal/reminders/reminderSql.ts",
    "packages/actors/src/internal/reminders/sqlReminders.ts"
  ],
  "test/actors/Receptionist.test.ts": [
    "packages/actors/src/ReceptionistError.ts",
    "packages/actors/src/internal/directory/newest.ts",
    "packages/actors/src/internal/directory/registry.ts"
  ],
  "test/actors/StateMachine.test.ts": [
    "packages/actors/src/internal/machine/machine.ts",
    "packages/actors/src/internal/machine/machineCheck.ts",
    "packages/actors/src/internal/machine/machineDefinition.ts",
    "packages/actors/src/internal/machine/machineRun.ts",
    "packages/actors/src/internal/machine/machineTypes.ts"
  ],
  "test/actors/DurableState.test.ts": [
    "packages/actors/src/internal/durable/holding.ts",
    "packages/actors/src/internal/durable/jsonText.ts",
    "packages/actors/src/internal/durable/turnstile.ts"
  ],
  "test/actors/DurableStore.test.ts": ["packages/actors/src/internal/durable/memoryStore.ts"],
  "test/actors/SqlDurableStore.test.ts": [
    "packages/actors/src/internal/durable/durableSql.ts",
    "packages/actors/src/internal/durable/entityKey.ts",
    "packages/actors/src/internal/durable/sqlStore.ts"
  ],
  "test/actors/SqlStorage.test.ts": [
    "packages/actors/src/internal/sql/database.ts",
    "packages/actors/src/internal/sql/dialect.ts",
    "packages/actors/src/internal/sql/groupCommit.ts",
    "packages/actors/src/internal/sql/migrations.ts",
    "packages/actors/src/internal/sql/transaction.ts",
    "packages/actors/src/internal/sql/writeQueue.ts"
  ],
  "test/actors/Router.test.ts": [
    "packages/actors/src/RouterError.ts",
    "packages/actors/src/internal/directory/routed.ts"
  ],
  "test/actors/Supervisor.test.ts": [
    "packages/actors/src/internal/supervision/lineage.ts",
    "packages/actors/src/internal/supervision/offspring.ts",
    "packages/actors/src/internal/supervision/parenthood.ts",
    "packages/actors/src/internal/engine/supervised.ts"
  ],
  "test/hardware/DeviceJournal.test.ts": [
    "packages/hardware/src/internal/commandDesk.ts",
    "packages/hardware/src/internal/commandGate.ts",
    "packages/hardware/src/internal/commandLane.ts",
    "packages/hardware/src/internal/commandLook.ts",
    "packages/hardware/src/internal/commandOutcome.ts",
    "packages/hardware/src/internal/commandRun.ts",
    "packages/hardware/src/internal/commandSend.ts",
    "packages/hardware/src/internal/commandSettling.ts",
    "packages/hardware/src/internal/deviceDesk.ts",
    "packages/hardware/src/internal/deviceLife.ts",
    "packages/hardware/src/internal/deviceReach.ts",
    "packages/hardware/src/internal/interlockWatch.ts",
    "packages/hardware/src/internal/listeners.ts"
  ],
  "test/hardware/DeviceStore.test.ts": [
    "packages/hardware/src/internal/memoryDeviceStore.ts",
    "packages/hardware/src/internal/storable.ts"
  ],
  "test/hardware/Device.test.ts": [
    "packages/hardware/src/DeviceClient.ts",
    "packages/hardware/src/internal/deviceFaults.ts",
    "packages/hardware/src/internal/attributeTable.ts",
    "packages/hardware/src/internal/deviceActor.ts",
    "packages/hardware/src/internal/deviceClient.ts",
    "packages/hardware/src/internal/deviceCommands.ts",
    "packages/hardware/src/internal/deviceProtocol.ts"
  ],
  "test/hardware/SqlDeviceStore.test.ts": [
    "packages/hardware/src/internal/deviceRows.ts",
    "packages/hardware/src/internal/deviceSql.ts",
    "packages/hardware/src/internal/sqlDevices.ts"
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
  "test/hardware/DriverCheck.test.ts": [
    "packages/hardware/src/internal/driverCheckAttribute.ts",
    "packages/hardware/src/internal/driverCheckCommands.ts",
    "packages/hardware/src/internal/driverCheckGarbage.ts",
    "packages/hardware/src/internal/driverCheckGreeting.ts",
    "packages/hardware/src/internal/driverCheckHello.ts",
    "packages/hardware/src/internal/driverCheckPeer.ts",
    "packages/hardware/src/internal/driverCheckReading.ts",
    "packages/hardware/src/internal/driverCheckSession.ts"
  ],
  "test/hardware/DriverOutcome.test.ts": ["packages/hardware/src/internal/handlerFailure.ts"],
  "test/hardware/Control.test.ts": [
    "packages/hardware/src/NodeDescription.ts",
    "packages/hardware/src/internal/controlDescriptions.ts",
    "packages/hardware/src/internal/controlPlaces.ts",
    "packages/hardware/src/internal/controlOperations.ts",
    "packages/hardware/src/internal/givenValue.ts"
  ],
  "test/hardware/ControlClient.test.ts": [
    "packages/hardware/src/internal/controlConnection.ts",
    "packages/hardware/src/internal/controlOutcome.ts",
    "packages/hardware/src/internal/controlReading.ts"
  ],
  "test/hardware/ControlDoor.test.ts": [
    "packages/hardware/src/internal/controlAnswers.ts",
    "packages/hardware/src/internal/controlCodec.ts",
    "packages/hardware/src/internal/controlPeers.ts",
    "packages/hardware/src/internal/controlServer.ts",
    "packages/hardware/src/internal/controlState.ts"
  ],
  "test/hardware/ControlProtocol.test.ts": ["packages/hardware/src/internal/frameText.ts"],
  "test/hardware/DriverDuplicates.test.ts": ["packages/hardware/src/internal/driverAdmission.ts"],
  "test/hardware/DriverMemory.test.ts": ["packages/hardware/src/internal/driverMemory.ts"],
  "test/hardware/DriverFence.test.ts": ["packages/hardware/src/internal/driverFence.ts"],
  "test/hardware/Alarms.test.ts": [
    "packages/hardware/src/internal/alarmBoard.ts",
    "packages/hardware/src/internal/deviceAlarms.ts"
  ],
  "test/hardware/AlarmsStored.test.ts": ["packages/hardware/src/internal/alarmLedger.ts"],
  "test/hardware/AlarmsTold.test.ts": [
    "packages/hardware/src/internal/alarmTeller.ts",
    "packages/hardware/src/internal/conflated.ts"
  ],
  "test/hardware/DriverSafety.test.ts": ["packages/hardware/src/internal/driverSafety.ts"],
  "test/hardware/MockLink.test.ts": [
    "packages/hardware/src/internal/mockDevice.ts",
    "packages/hardware/src/internal/mockRequests.ts"
  ],
  "test/hardware/SimulatedLink.test.ts": [
    "packages/hardware/src/internal/foreignFiber.ts",
    "packages/hardware/src/internal/simulatedDevice.ts"
  ],
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
  "test/tank/LevelController.test.ts": ["examples/tank/src/internal/writeOutcome.ts"],
  "test/tank/tankProcess.test.ts": ["examples/tank/src/ParentProcess.ts"],
  "test/node/Demo.test.ts": [
    "packages/node/src/DemoRun.ts",
    "packages/node/src/DemoStage.ts"
  ],
  "test/node/ClusterDemo.test.ts": [
    "examples/tank/src/tankNode.ts",
    "packages/node/src/ClusterStage.ts",
    "packages/node/src/NodeProcess.ts",
    "packages/node/src/demoNode.ts"
  ],
  "test/node/TankProcess.test.ts": ["packages/node/src/KeptProcess.ts"],
  "test/node/SimulateCommand.test.ts": ["packages/node/src/ScenarioList.ts"],
  "test/node/SimulateProcesses.test.ts": ["packages/node/src/simulateProcess.ts"],
  "test/integration/demo.test.ts": ["packages/node/src/main.ts"],
  "test/integration/deviceCli.test.ts": [
    "packages/node/src/BrokenOff.ts",
    "packages/node/src/CurrentUser.ts",
    "packages/node/src/DeviceAlarmCommand.ts",
    "packages/node/src/DeviceJournalCommand.ts",
    "packages/node/src/DeviceOperation.ts",
    "packages/node/src/DeviceOption.ts",
    "packages/node/src/DeviceServiceCommand.ts"
  ],
  "test/node/DriverCommand.test.ts": ["packages/node/src/DriverView.ts"],
  "test/node/Cli.test.ts": ["packages/node/src/CliOption.ts"],
  "test/integration/modbus.test.ts": ["examples/drivers/modbus/src/operator.ts"],
  "test/modbus/RegisterMap.test.ts": ["examples/drivers/modbus/src/internal/mapFaults.ts"],
  "test/integration/examples.test.ts": [
    "examples/cluster/src/cluster.ts",
    "examples/actors/src/bankAccount.ts",
    "examples/actors/src/diningPhilosophers.ts",
    "examples/actors/src/pingPong.ts",
    "examples/actors/src/supervisionTree.ts",
    "examples/actors/src/trafficLight.ts",
    "examples/first-steps/src/counter.ts",
    "examples/first-steps/src/heater.ts",
    "examples/first-steps/src/pumps.ts"
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
