/** The rules of commands: deadlines, values, fences, and the same command again. */
import { Effect } from "effect"
import * as Protocol from "../DeviceProtocol.ts"
import { wrongValues } from "./driverCheckAttribute.ts"
import {
  becomes,
  begin,
  chosenOf,
  command,
  connect,
  expect,
  hello,
  isDone,
  isReady,
  isRefused,
  readableOf,
  type Rule,
  set,
  stays,
  write
} from "./driverCheckSession.ts"
import { Inapplicable } from "./driverCheckPeer.ts"

const written: Rule = {
  id: "write",
  promise: "A WRITE is carried out, answered by REPLY, and read back",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const chosen = yield* chosenOf(check)
      const [one, two] = chosen.values
      for (const pair of [[one, two], [two, one]] as const) {
        yield* isDone(session, write(session, { name: chosen.name, value: pair[0] }))
        const found = yield* Effect.timeoutOption(
          becomes(session, chosen, pair),
          check.ruleMillis / 4
        )
        if (found._tag === "None") check.readsBack = false
      }
      yield* readableOf(check)
    })
}

const late: Rule = {
  id: "deadline-write",
  promise: "A WRITE older than its deadline is refused with expired, and a fresh one is taken",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const chosen = yield* chosenOf(check)
      const [one, two] = chosen.values
      yield* set(session, chosen, [one, two])
      const old = { sentAt: session.now() - 60_000, deadlineMs: 1_000 }
      const asked = write(session, { name: chosen.name, value: two }, {
        ...old,
        what: " with a deadline that passed 59 s ago"
      })
      yield* isRefused(session, "expired", asked)
      yield* stays(session, chosen, [one, two], "a WRITE that came too late")
      yield* set(session, chosen, [two, one], { what: " that is fresh" })
    })
}

const wrongType: Rule = {
  id: "value-type",
  promise: "A WRITE whose value is of another type is refused with validation",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const chosen = yield* chosenOf(check)
      const [one, two] = chosen.values
      yield* set(session, chosen, [one, two])
      for (const value of wrongValues(chosen)) {
        yield* isRefused(session, "validation", write(session, { name: chosen.name, value }))
      }
      yield* stays(session, chosen, [one, two], "a WRITE of another type")
    })
}

const unknownAttribute: Rule = {
  id: "write-unknown",
  promise: "A WRITE of an attribute that there is not is refused with unknown-attribute",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const asked = write(session, { name: "no_such_attribute", value: 1 })
      yield* isRefused(session, "unknown-attribute", asked)
    })
}

const readOnly: Rule = {
  id: "not-writable",
  promise: "A WRITE of an attribute that can only be read is refused with not-writable",
  run: (check) =>
    Effect.gen(function*() {
      const { attributes } = check.description
      const name = check.order.find((given) => attributes[given]?.access === "read")
      if (name === undefined) {
        return yield* new Inapplicable({ reason: "all attributes may be written" })
      }
      const values = { number: 1, boolean: true, string: attributes[name]?.values?.[0] ?? "x" }
      const value = values[attributes[name]?.type ?? "number"]
      const session = yield* begin(check)
      yield* isRefused(session, "not-writable", write(session, { name, value }))
    })
}

const unknownCommand: Rule = {
  id: "unknown-command",
  promise: "INVOKE of a command that there is not is refused with unknown-command",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      yield* isRefused(session, "unknown-command", {
        kind: "INVOKE",
        what: "INVOKE of no_such_command",
        body: { ...command(session), command: "no_such_command" }
      })
    })
}

const equalFence: Rule = {
  id: "fence-equal",
  promise: "The highest fence is obeyed again, in HELLO and WRITE, whoever brings it",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* chosenOf(check)
      const [one, two] = chosen.values
      for (const pair of [[one, two], [two, one]] as const) {
        const session = yield* begin(check)
        yield* set(session, chosen, pair, { what: ` with the fence ${check.fence}` })
      }
    })
}

const fenceOfHello: Rule = {
  id: "fence-hello",
  promise: "HELLO may raise the fence; then HELLO with a lower one is refused with stale-fence",
  run: (check) =>
    Effect.gen(function*() {
      const [former, raiser] = [yield* connect(check), yield* connect(check)]
      const lower = check.fence
      check.fence++
      const ready = yield* isReady(raiser, hello(raiser, {}, `HELLO with fence ${check.fence}`))
      yield* tells(ready.fence, check.fence, "READY")
      const asked = hello(
        former,
        { fence: lower },
        `HELLO with fence ${lower} after ${check.fence}`
      )
      const refused = yield* isRefused(former, "stale-fence", asked)
      yield* tells(refused.fence, check.fence, "ERROR stale-fence")
    })
}

// Of a field that need not be there.
const tells = (fence: number | undefined, highest: number, where: string) =>
  expect(fence === undefined || fence === highest, {
    expected: `${where} to tell the highest fence, ${highest}, where it tells one`,
    got: fence
  })

const fenceOfWrite: Rule = {
  id: "fence-write",
  promise: "WRITE may raise the fence; then one with a lower one is refused, in any session",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* chosenOf(check)
      const [one, two] = chosen.values
      const [former, raiser] = [yield* begin(check), yield* begin(check)]
      const lower = check.fence
      check.fence++
      yield* set(raiser, chosen, [one, two], { what: ` with fence ${check.fence}` })
      const asked = write(former, { name: chosen.name, value: two }, {
        fence: lower,
        what: ` with fence ${lower} after ${check.fence}`
      })
      yield* isRefused(former, "stale-fence", asked)
      yield* stays(former, chosen, [one, two], "a WRITE with a lower fence")
    })
}

const duplicate: Rule = {
  id: "duplicate",
  promise: "A WRITE that was carried out is not carried out again: its answer is told again",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* readableOf(check)
      const session = yield* begin(check)
      const [one, two] = chosen.values
      const commandId = check.newId()
      yield* set(session, chosen, [one, two], { commandId })
      yield* set(session, chosen, [two, one])
      const again = write(session, { name: chosen.name, value: one }, {
        commandId,
        what: ", for the second time by its commandId"
      })
      yield* isDone(session, again)
      yield* stays(session, chosen, [two, one], "the same WRITE for the second time")
    })
}

const duplicateLate: Rule = {
  id: "duplicate-late",
  promise: "What became of a command is told to any peer, however late it is asked for",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* chosenOf(check)
      const [session, other] = [yield* begin(check), yield* begin(check)]
      const [one, two] = chosen.values
      const commandId = check.newId()
      yield* set(session, chosen, [one, two], { commandId })
      const again = write(other, { name: chosen.name, value: one }, {
        commandId,
        sentAt: other.now() - 60_000,
        deadlineMs: 1_000,
        what: ", asked for again by another peer after its deadline"
      })
      yield* isDone(other, again)
    })
}

const duplicateMismatch: Rule = {
  id: "duplicate-mismatch",
  promise: "A WRITE with the commandId of another one is refused with duplicate-mismatch",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* chosenOf(check)
      const session = yield* begin(check)
      const [one, two] = chosen.values
      const commandId = check.newId()
      yield* set(session, chosen, [one, two], { commandId })
      const other = write(session, { name: chosen.name, value: two }, {
        commandId,
        what: ` with the commandId of another value`
      })
      yield* isRefused(session, "duplicate-mismatch", other)
      yield* stays(session, chosen, [one, two], "a WRITE with a commandId of another")
    })
}

const refusedAgain: Rule = {
  id: "refused-again",
  promise: "A command that was refused is not remembered: its commandId may be used again",
  run: (check) =>
    Effect.gen(function*() {
      const chosen = yield* chosenOf(check)
      const session = yield* begin(check)
      const [one, two] = chosen.values
      const commandId = check.newId()
      const old = { commandId, sentAt: session.now() - 60_000, deadlineMs: 1_000 }
      const tooLate = write(session, { name: chosen.name, value: one }, old)
      const first = yield* session.ask(tooLate)
      if (first.kind !== "ERROR" || first.body.code !== "expired") {
        return yield* new Inapplicable({
          reason: "a late WRITE is not refused: see deadline-write"
        })
      }
      yield* set(session, chosen, [two, one], {
        commandId,
        what: " with a commandId that was refused"
      })
    })
}

const longIds: Rule = {
  id: "ids",
  promise: "An id of 32 bytes, whatever they are, is that of the answer",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const id = Uint8Array.from({ length: Protocol.idBytesMax }, (_, at) => 255 - 8 * at)
      const zeros = new Uint8Array(Protocol.idBytesMax)
      for (const given of [id, zeros, Uint8Array.of(0)]) {
        yield* session.ask({ ...hello(session), what: `HELLO with the id ${hex(given)}` }, given)
      }
    })
}

const hex = (bytes: Uint8Array): string =>
  `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`

/** The rules of commands. */
export const rules: ReadonlyArray<Rule> = [
  longIds,
  written,
  late,
  wrongType,
  unknownAttribute,
  readOnly,
  unknownCommand,
  equalFence,
  fenceOfHello,
  fenceOfWrite,
  duplicate,
  duplicateLate,
  duplicateMismatch,
  refusedAgain
]
