/** The way of a request to a mock: noted, answered by its script or as usual, by its deadline. */
import { Cause, Deferred, Effect, Exit, Option, type Scope } from "effect"
import type { Batch } from "../DeviceProtocol.ts"
import {
  type CommandOptions,
  Failed,
  type Link,
  type LinkError,
  type LinkOwner,
  NoAnswer,
  NoResult,
  NotSent,
  Refused
} from "../LinkPort.ts"
import { type CommandReply, type Trouble, troubleOf } from "./driverHandlers.ts"
import * as Mock from "./mockDevice.ts"

/** Opens a link to a mock. */
export const open = (
  mock: Mock.MockDevice,
  owner: LinkOwner
): Effect.Effect<Link, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => Mock.join(mock, { owner, clock })),
      (link) => Effect.sync(() => mock.links.delete(link))
    )
    yield* Effect.forkScoped(Mock.renew(mock))
    const line: Line = { mock, link }
    return {
      status: Effect.sync(() => Mock.statusOf(mock, link)),
      read: (names, { deadlineMillis }) => read(line, names, deadlineMillis),
      write: (name, value, options) => write(line, { name, given: value, options }),
      invoke: (name, payload, options) => invoke(line, { name, given: payload, options })
    }
  })

interface Line {
  readonly mock: Mock.MockDevice
  readonly link: Mock.OpenLink
}

interface Asked {
  readonly name: string
  /** The value, or the payload. */
  readonly given: unknown
  readonly options: CommandOptions
}

const factsOf = ({ link: { owner } }: Line, options: CommandOptions) => ({
  commandId: options.commandId,
  fence: owner.fence,
  epoch: owner.epoch,
  deadlineMillis: options.deadlineMillis,
  effect: options.effect,
  lane: options.lane ?? "ordinary"
})

const write = (line: Line, { given, name, options }: Asked): Effect.Effect<void, LinkError> =>
  arrive(
    line,
    { operation: `write.${name}`, ...factsOf(line, options), value: given },
    (scripted) =>
      Effect.zipRight(
        scripted ?? Effect.void,
        Effect.sync(() => Mock.set(line.mock, name, given))
      ),
    options.onSent
  )

const invoke = (line: Line, { given, name, options }: Asked): Effect.Effect<unknown, LinkError> => {
  const codec = line.mock.codecs.get(name)
  const answer = line.mock.answers[name]
  if (codec === undefined || answer === undefined) {
    const detail = `the device has no command ${JSON.stringify(name)}`
    return Effect.fail(new Refused({ code: "unknown-command", detail }))
  }
  return codec.decode(given ?? undefined).pipe(
    Effect.mapError(({ trouble }) => errorOf(trouble)),
    Effect.flatMap((payload) =>
      arrive(
        line,
        { operation: name, ...factsOf(line, options), payload },
        (scripted) => Effect.flatMap(scripted ?? answer(payload, options), codec.reply),
        options.onSent
      )
    ),
    Effect.flatMap(resultOf)
  )
}

const resultOf = ({ result, resultFault }: CommandReply): Effect.Effect<unknown, NoResult> =>
  resultFault === undefined
    ? Effect.succeed(result)
    : Effect.fail(new NoResult({ detail: resultFault }))

// As of a driver: a handler that fails to read gives a reading without a value.
const contentOf = (
  scripted: Mock.Deed | undefined
): Effect.Effect<Mock.Content | undefined> =>
  scripted === undefined ? Effect.succeed(undefined) : Effect.matchCause(scripted, {
    onSuccess: (value): Mock.Content => ({ value }),
    onFailure: (cause): Mock.Content => ({ value: null, reason: troubleOf(cause).message })
  })

const read = (
  line: Line,
  names: ReadonlyArray<string>,
  deadlineMillis: number
): Effect.Effect<Batch, LinkError> =>
  Effect.suspend(() => {
    const { link, mock } = line
    const { seq } = mock
    return Effect.map(
      Effect.forEach(
        names,
        (name) => arrive(line, { operation: `read.${name}`, deadlineMillis }, contentOf),
        { concurrency: "unbounded" }
      ),
      (contents) => Mock.batchOf(mock, link, { names, seq, contents })
    )
  })

/** Notes a request, and has it carried out: what was begun goes on when nobody waits any more. */
const arrive = <A>(
  { link, mock }: Line,
  facts: Mock.Facts,
  carryOut: (scripted: Mock.Deed | undefined) => Effect.Effect<A, unknown>,
  onSent?: () => void
): Effect.Effect<A, LinkError> =>
  Effect.flatMap(Deferred.make<A, LinkError>(), (answered) => {
    if (mock.lost !== undefined) {
      return Effect.fail(new NotSent({ state: "lost", reason: mock.lost }))
    }
    Mock.note(mock, { ...facts, at: link.clock.unsafeCurrentTimeMillis() })
    onSent?.()
    const known = mock.commands.get(String(facts["commandId"]))
    const work = known === undefined
      ? remembered(mock, facts, carryOut(mock.scripts.get(facts.operation)?.shift()))
      : Deferred.await(known as Deferred.Deferred<A, unknown>)
    const abandon = (detail: string): void =>
      Deferred.unsafeDone(answered, Effect.fail(new NoAnswer({ detail })))
    mock.pending.add(abandon)
    const begun = mock.fork(Effect.intoDeferred(Effect.catchAllCause(work, failed), answered))
    return begun.pipe(
      Effect.zipRight(answerBy(answered, facts.deadlineMillis)),
      Effect.ensuring(Effect.sync(() => mock.pending.delete(abandon)))
    )
  })

// As of a driver: the same command again is not carried out again, and gets the same answer.
const remembered = <A>(
  mock: Mock.MockDevice,
  facts: Mock.Facts,
  work: Effect.Effect<A, unknown>
): Effect.Effect<A, unknown> => {
  const id = facts["commandId"]
  if (typeof id !== "string") return work
  return Effect.flatMap(Deferred.make<A, unknown>(), (outcome) => {
    Mock.remember(mock, id, outcome)
    return Effect.onExit(work, (exit) => {
      const code = Exit.isFailure(exit) ? troubleOf(exit.cause).code : "failed"
      // What was refused was not carried out: it may be asked for again.
      if (code !== "failed" && code !== "unknown") mock.commands.delete(id)
      return Deferred.done(outcome, exit)
    })
  })
}

// Most answers are there already: those need no timer.
const answerBy = <A>(
  answered: Deferred.Deferred<A, LinkError>,
  deadlineMillis: number
): Effect.Effect<A, LinkError> =>
  Effect.flatMap(
    Deferred.poll(answered),
    Option.getOrElse(() =>
      Effect.timeoutFail(Deferred.await(answered), {
        duration: deadlineMillis,
        onTimeout: () => new NoAnswer({ detail: "nothing was heard of it by its deadline" })
      })
    )
  )

const failed = (cause: Cause.Cause<unknown>): Effect.Effect<never, LinkError> => {
  const error = Effect.fail(errorOf(troubleOf(cause)))
  return Cause.isDie(cause)
    ? Effect.zipRight(Effect.logError("what was scripted for a mock crashed", cause), error)
    : error
}

const errorOf = ({ code, message }: Trouble): LinkError => {
  switch (code) {
    case "failed":
      return new Failed({ detail: message })
    case "unknown":
      return new NoAnswer({ detail: message, said: true })
    default:
      return new Refused({ code, detail: message })
  }
}
