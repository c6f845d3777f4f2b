/**
 * A process that journals commands of several devices to a database file as fast as it can, until
 * it is killed. It says what it found, then each write that was acknowledged.
 */
import { SqliteClient } from "@effect/sql-sqlite-node"
import type { ActorAddress } from "@plantd/actors"
import { Identifier } from "@plantd/core"
import { type CommandJournal, DeviceStore } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer } from "effect"

/** How many devices there are. */
const devices = 4

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const commandOf = (id: string, number: number) => Identifier.CommandId.make(`${id}:${number}`)

/** All commands of a device, the newest first, page by page. */
const historyOf = (device: ActorAddress.ActorAddress) =>
  Effect.gen(function*() {
    const store = yield* DeviceStore
    const records: Array<CommandJournal.CommandRecord> = []
    for (;;) {
      const last = records.at(-1)
      const page = yield* store.history(device, {
        limit: 100,
        ...(last === undefined ? {} : { before: last.commandId })
      })
      if (page.length === 0) return records
      records.push(...page)
    }
  })

const found = (id: string) =>
  Effect.gen(function*() {
    const store = yield* DeviceStore
    const device = { type: "Pump", id }
    const claimed = yield* store.claim(device, { fence: undefined })
    const records = yield* historyOf(device)
    for (const { commandId, sentAt, state } of records.toReversed()) {
      yield* say(`found ${commandId} ${state}${sentAt === undefined ? "" : " sent"}`)
    }
    yield* say(`claimed ${id} ${claimed.fence} ${claimed.unsettled.length}`)
    const next = Number(records[0]?.commandId.split(":")[1] ?? 0) + 1
    return { holder: { device, fence: claimed.fence }, next }
  })

const commands = ({ holder, next }: Effect.Effect.Success<ReturnType<typeof found>>) =>
  Effect.gen(function*() {
    const store = yield* DeviceStore
    for (let number = next;; number++) {
      const commandId = commandOf(holder.device.id, number)
      const intent = { commandId, name: "prime", args: "null", intentAt: number }
      yield* store.intend(holder, { ...intent, effect: "pulse" })
      yield* say(`intended ${commandId}`)
      yield* store.sent(holder, { commandId, sentAt: number })
      yield* say(`sent ${commandId}`)
      yield* store.settle(holder, commandId, { state: "succeeded", outcomeAt: number })
      yield* say(`settled ${commandId}`)
    }
  })

const program = Effect.gen(function*() {
  const ids = Array.from({ length: devices }, (_, index) => `p-${index}`)
  const holders = yield* Effect.forEach(ids, found)
  yield* say("ready")
  yield* Effect.forEach(holders, commands, { concurrency: "unbounded" })
})

const live = SqlDeviceStore.layer.pipe(
  Layer.provide(SqliteClient.layer({ filename: process.argv[2] ?? "missing.db" }))
)

void Effect.runPromise(Effect.provide(program, live))
