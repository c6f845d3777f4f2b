/** Requests of a node to a device process: each ends by its deadline, and says what it knows. */
import { Effect, Either } from "effect"
import * as Protocol from "../DeviceProtocol.ts"
import {
  type CommandOptions,
  Failed,
  type Link,
  type LinkError,
  NoAnswer,
  NoResult,
  NotSent,
  Refused
} from "../LinkPort.ts"
import * as LinkState from "../LinkState.ts"
import {
  type LinkCore,
  linkMetrics,
  nowOf,
  type Outcome,
  type Pending,
  wakeBy,
  warn
} from "./linkCore.ts"

/** The most requests of one link that wait for an answer; beyond it no ordinary one is sent. */
export const requestsMax = 1_024

/**
 * Commands of the emergency lane that may wait besides: a device process that stalls while others
 * read it must not keep the command away that makes it stop.
 */
export const emergenciesMax = 64

/** How long a read waits for its answer before it is sent again, in milliseconds. */
export const readAttemptMillis = 500

/** Asks for the values of attributes; again where no answer comes, or with a new session. */
export const read = (
  link: LinkCore,
  attributes: ReadonlyArray<string> | undefined,
  deadlineMillis: number
): Effect.Effect<Protocol.Batch, LinkError> =>
  Effect.suspend(() => {
    const until = nowOf(link) + deadlineMillis
    const attempt: Effect.Effect<Protocol.Batch, LinkError> = Effect.suspend(() =>
      Effect.flatMap(
        send(
          link,
          "READ",
          { until: Math.min(until, nowOf(link) + readAttemptMillis) },
          attributes === undefined ? {} : { attributes }
        ),
        (outcome) =>
          mayRepeat(outcome) && nowOf(link) < until
            ? Effect.zipRight(awaitOnline(link, until), attempt)
            : Effect.flatMap(replyOf(link, outcome), decodeReadings)
      )
    )
    return attempt
  })

/** A command is sent once. What is not known of it after that is said to be unknown. */
const command = (
  link: LinkCore,
  kind: "WRITE" | "INVOKE",
  body: object,
  options: CommandOptions
): Effect.Effect<Protocol.Reply, LinkError> =>
  Effect.suspend(() =>
    Effect.flatMap(
      send(
        link,
        kind,
        { ...options, until: nowOf(link) + options.deadlineMillis },
        {
          ...body,
          commandId: options.commandId,
          fence: link.owner.fence,
          epoch: link.owner.epoch
        }
      ),
      (outcome) => replyOf(link, outcome)
    )
  ).pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        if (error._tag === "NoAnswer") linkMetrics.unanswered.unsafeUpdate(1, link.labels)
      })
    )
  )

/** The requests of an open link. */
export const requestsOf = (link: LinkCore): Pick<Link, "read" | "write" | "invoke"> => ({
  read: (attributes, options) => read(link, attributes, options.deadlineMillis),
  write: (attribute, value, options) =>
    Effect.asVoid(command(link, "WRITE", { attribute, value }, options)),
  invoke: (name, payload, options) =>
    Effect.flatMap(
      command(link, "INVOKE", { command: name, payload: payload ?? null }, options),
      resultOf
    )
})

const resultOf = (reply: Protocol.Reply): Effect.Effect<unknown, NoResult> => {
  const fault = reply["resultFault"]
  return typeof fault === "string"
    ? Effect.fail(new NoResult({ detail: fault }))
    : Effect.succeed(reply["result"] ?? null)
}

const mayRepeat = (outcome: Outcome): boolean =>
  outcome._tag === "Abandoned"
  || outcome._tag === "Silence"
  || (outcome._tag === "Problem" && outcome.problem.code === "no-session")

const notOnline = (link: LinkCore): NotSent =>
  new NotSent({ state: link.state.phase, reason: link.state.reason ?? "no reason known" })

interface Sending extends Pick<CommandOptions, "lane" | "onSent" | "onProgress"> {
  readonly until: number
}

const send = (
  link: LinkCore,
  kind: "READ" | "WRITE" | "INVOKE",
  { lane = "ordinary", onProgress, onSent, until }: Sending,
  body: object
): Effect.Effect<Outcome, LinkError> => {
  if (!LinkState.isOnline(link.state)) return Effect.fail(notOnline(link))
  const emergency = lane === "emergency"
  const room = emergency ? requestsMax + emergenciesMax : requestsMax
  if (link.pending.size >= room) {
    const bound = emergency ? "requestsMax + emergenciesMax" : "requestsMax"
    return Effect.fail(
      new NotSent({
        state: link.state.phase,
        reason: `${room} requests wait for an answer already (${bound})`
      })
    )
  }
  const now = nowOf(link)
  if (until <= now) {
    const reason = "its deadline passed before it was sent"
    return Effect.fail(new NotSent({ state: link.state.phase, reason }))
  }
  const id = `r${++link.requests}`
  const deadlineMs = until - now
  const encoded = Protocol.encode(kind, Protocol.idOf(id), { ...body, sentAt: now, deadlineMs })
  if (Either.isLeft(encoded)) {
    return Effect.fail(new Refused({ code: "validation", detail: encoded.left.message }))
  }
  const answered = awaitAnswer(link, id, { until, onProgress })
  return Effect.matchEffect(link.dealer.send(encoded.right), {
    onFailure: (error) =>
      Effect.zipRight(
        answered.forget,
        Effect.fail(new NotSent({ state: link.state.phase, reason: error.message }))
      ),
    onSuccess: () => {
      if (kind !== "READ") linkMetrics.commands.unsafeUpdate(1, link.labels)
      onSent?.()
      return answered.wait
    }
  })
}

// An answer may come before its asker waits for it: it is kept until then. The timer of the link
// ends the waiting, as a timer for each request would cost more than the request.
const awaitAnswer = (
  link: LinkCore,
  id: string,
  { onProgress, until }: Pick<Pending, "until" | "onProgress">
) => {
  let outcome: Outcome | undefined
  let resume: ((effect: Effect.Effect<Outcome>) => void) | undefined
  const forget = Effect.sync(() => {
    link.pending.delete(id)
  })
  link.pending.set(id, {
    until,
    onProgress,
    settle: (given) => {
      link.pending.delete(id)
      outcome = given
      resume?.(Effect.succeed(given))
    }
  })
  wakeBy(link, until)
  return {
    forget,
    wait: Effect.async<Outcome>((given) => {
      if (outcome !== undefined) {
        given(Effect.succeed(outcome))
        return
      }
      resume = given
      return forget
    })
  }
}

/** Ends the waiting of those whose deadline has passed; gives the next deadline. */
export const expire = (link: LinkCore, now: number): number => {
  let next = Infinity
  for (const pending of link.pending.values()) {
    if (pending.until <= now) pending.settle({ _tag: "Silence" })
    else next = Math.min(next, pending.until)
  }
  return next
}

/** Waits until the link is online; fails where it is not by then. */
export const awaitOnline = (link: LinkCore, until: number): Effect.Effect<void, LinkError> =>
  Effect.suspend(() =>
    LinkState.isOnline(link.state) ? Effect.void : Effect.timeoutFail(
      Effect.async<void>((given) => {
        const resume = () => {
          link.onlineWaiters.delete(resume)
          given(Effect.void)
        }
        link.onlineWaiters.add(resume)
        return Effect.sync(() => {
          link.onlineWaiters.delete(resume)
        })
      }),
      { duration: Math.max(0, until - nowOf(link)), onTimeout: () => notOnline(link) }
    )
  )

const replyOf = (
  link: LinkCore,
  outcome: Outcome
): Effect.Effect<Protocol.Reply, LinkError> => {
  switch (outcome._tag) {
    case "Answered":
      return Effect.succeed(outcome.body)
    case "Silence":
      return Effect.fail(new NoAnswer({ detail: "nothing was heard of it by its deadline" }))
    case "Abandoned":
      return Effect.fail(new NoAnswer({ detail: outcome.reason }))
    case "Problem": {
      const { code, message } = outcome.problem
      if (code === "failed") return Effect.fail(new Failed({ detail: message }))
      if (code === "unknown") return Effect.fail(new NoAnswer({ detail: message, said: true }))
      if (code === "no-session") {
        return Effect.fail(new NotSent({ state: link.state.phase, reason: message }))
      }
      if (Protocol.isErrorCode(code)) return Effect.fail(new Refused({ code, detail: message }))
      return Effect.zipRight(
        warn(link, "code", `the device process answered with the unknown code ${code}`),
        Effect.fail(new NoAnswer({ detail: `${message} (unknown code ${code})` }))
      )
    }
  }
}

const decodeReadings = (reply: Protocol.Reply): Effect.Effect<Protocol.Batch, LinkError> =>
  Either.match(Protocol.decodeReadings(reply, "REPLY"), {
    onLeft: (violation) => Effect.fail(new Failed({ detail: violation.message })),
    onRight: (batch) => Effect.succeed(batch)
  })
