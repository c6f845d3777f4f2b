/** The rules of sessions: how they begin and end, what is agreed on, and whom a driver knows. */
import { Effect } from "effect"
import * as Description from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import { framesOf } from "./driverCheckPeer.ts"
import {
  begin,
  bye,
  command,
  connect,
  expect,
  heartbeat,
  hello,
  isReady,
  isRefused,
  mismatch,
  read,
  type Rule,
  type Session
} from "./driverCheckSession.ts"

const name = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

const description: Rule = {
  id: "description",
  promise: "The description has names that are allowed, and an attribute state where it has states",
  run: ({ description: { attributes, commands, states } }) => {
    const bad = [...Object.keys(attributes), ...Object.keys(commands)]
      .filter((given) => !name.test(given))
    const { access, type, values } = attributes["state"] ?? {}
    const state = { type, access, values }
    const expectedState = { type: "string", access: "read", values: states }
    return Effect.zipRight(
      expect(bad.length === 0, { expected: `names of the form ${String(name)}`, got: bad }),
      expect(states.length === 0 || JSON.stringify(state) === JSON.stringify(expectedState), {
        expected: `the attribute state to be ${JSON.stringify(expectedState)}`,
        got: state
      })
    )
  }
}

const agreed: Rule = {
  id: "hello-agreed",
  promise: "HELLO with the device and the description that READY told is answered by READY",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      const ready = yield* isReady(session, hello(session, { protocol: [99, 1] }))
      yield* expect(ready.epoch === check.ready.epoch, {
        expected: `READY with the epoch ${check.ready.epoch} again`,
        got: `epoch ${ready.epoch}`
      })
    })
}

const anonymous: Rule = {
  id: "hello-anonymous",
  promise: "HELLO without device and description, or with nil for them, is answered by READY",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      const nil = { device: null, description: null }
      yield* isReady(session, hello(session, nil, "HELLO with nil as device and description"))
      const { description: _, device: __, ...rest } = hello(session).body as Protocol.Hello
      const what = "HELLO without device and description"
      yield* isReady(session, { kind: "HELLO", what, body: rest })
    })
}

const again: Rule = {
  id: "hello-again",
  promise: "A second HELLO of a peer begins its session anew, by whatever clock it has then",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const sentAt = session.now() - 3_600_000
      const what = "a second HELLO, by a clock one hour behind"
      yield* isReady(session, hello(session, { sentAt }, what))
      const request = read(session, check.order.slice(0, 1), { sentAt })
      const answer = yield* session.ask(request)
      if (answer.kind !== "REPLY") {
        return yield* mismatch(`REPLY to ${request.what} by the clock of the second HELLO`, answer)
      }
    })
}

const versionFrame: Rule = {
  id: "version-frame",
  promise: "A message whose first frame is PDP2 is answered by ERROR unsupported-version",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      const id = Protocol.idOf("pdp2")
      const what = "a message whose first frame is PDP2"
      const [, ...rest] = framesOf(heartbeat(session), id)
      yield* session.send([new TextEncoder().encode("PDP2"), ...rest])
      const answer = yield* session.answerTo(id, what)
      if (answer.kind !== "ERROR" || answer.body.code !== "unsupported-version") {
        return yield* mismatch(`ERROR unsupported-version to ${what}`, answer)
      }
    })
}

const versionHello: Rule = {
  id: "version-hello",
  promise: "HELLO that speaks version 99 alone is refused with unsupported-version",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      const asked = hello(session, { protocol: [99] }, "HELLO with protocol [99]")
      yield* isRefused(session, "unsupported-version", asked)
      yield* isRefused(session, "no-session", heartbeat(session))
    })
}

const otherDevice: Rule = {
  id: "device-mismatch",
  promise: "HELLO for another device is refused with description-mismatch",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      const asked = hello(session, { device: "no-such-device" }, "HELLO for another device")
      yield* isRefused(session, "description-mismatch", asked)
      yield* isRefused(session, "no-session", heartbeat(session))
    })
}

const otherDescription: Rule = {
  id: "description-mismatch",
  promise: "HELLO with another description is refused, and the message names the field",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      const [asked, field] = spoiled(session)
      const { message } = yield* isRefused(session, "description-mismatch", asked)
      yield* expect(field.every((word) => message.includes(word)), {
        expected: `a message that names ${field.join(".")}`,
        got: message
      })
      yield* isRefused(session, "no-session", heartbeat(session))
    })
}

// HELLO whose description differs in one field, and where.
const spoiled = (session: Session) => {
  const { description: device, order } = session.check
  const first = order[0]
  const attribute = first === undefined ? undefined : device.attributes[first]
  const other: Description.DeviceDescription = first === undefined || attribute === undefined
    ? { ...device, type: `${device.type}X` }
    : {
      ...device,
      attributes: { ...device.attributes, [first]: { ...attribute, unit: `${attribute.unit}X` } }
    }
  const field = first === undefined ? ["type"] : [first, "unit"]
  const what = `HELLO with another ${field.join(".")}`
  return [hello(session, { description: other }, what), field] as const
}

const noSession: Rule = {
  id: "no-session",
  promise: "Whoever said no HELLO is answered by ERROR no-session",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* connect(check)
      yield* isRefused(session, "no-session", heartbeat(session))
      yield* isRefused(session, "no-session", read(session))
      yield* isRefused(session, "no-session", {
        kind: "INVOKE",
        what: "INVOKE",
        body: { ...command(session), command: "no_such_command" }
      })
    })
}

const goodbye: Rule = {
  id: "bye",
  promise: "BYE ends the session, and is not answered",
  run: (check) =>
    Effect.gen(function*() {
      const session = yield* begin(check)
      yield* session.request(bye, Protocol.idOf("bye"))
      const id = yield* session.request(heartbeat(session), Protocol.idOf("after"))
      const expected = "ERROR no-session to HEARTBEAT after BYE, and nothing before it"
      const answer = yield* session.next(expected)
      if (
        Protocol.idKey(answer.id) !== Protocol.idKey(id)
        || answer.kind !== "ERROR" || answer.body.code !== "no-session"
      ) return yield* mismatch(expected, answer)
    })
}

const two: Rule = {
  id: "sessions",
  promise: "Two peers are in session at a time; each gets its own answers, BYE ends its own alone",
  run: (check) =>
    Effect.gen(function*() {
      const [one, other] = [yield* begin(check), yield* begin(check)]
      const [first, second] = [Protocol.idOf("same"), Protocol.idOf("same")]
      yield* one.request(heartbeat(one), first)
      yield* other.request(heartbeat(other), second)
      for (const [session, id] of [[one, first], [other, second]] as const) {
        const answer = yield* session.answerTo(id, "HEARTBEAT of one of two sessions")
        if (answer.kind !== "HEARTBEAT") {
          return yield* mismatch("HEARTBEAT in both sessions", answer)
        }
      }
      yield* other.request(bye)
      const answer = yield* one.ask(heartbeat(one))
      if (answer.kind !== "HEARTBEAT") {
        return yield* mismatch("HEARTBEAT in the session that said no BYE", answer)
      }
    })
}

/** The rules of sessions. */
export const rules: ReadonlyArray<Rule> = [
  description,
  agreed,
  anonymous,
  again,
  versionFrame,
  versionHello,
  otherDevice,
  otherDescription,
  noSession,
  goodbye,
  two
]
