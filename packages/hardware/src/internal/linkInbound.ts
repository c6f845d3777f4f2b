/** What a link does with messages of the device process, on the command and the telemetry path. */
import { Effect, Either } from "effect"
import * as Description from "../DeviceDescription.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Missing } from "../LinkPort.ts"
import type { Frames } from "../Transport.ts"
import { advance, dropMalformed, dropStray, type LinkCore, linkMetrics } from "./linkCore.ts"
import { statusOf, wantSnapshot, warn } from "./linkCore.ts"

/** Handles a message on the command path. */
export const onAnswer = (link: LinkCore, frames: Frames): Effect.Effect<void> => {
  const decoded = Protocol.decodeAnswer(frames)
  if (Either.isLeft(decoded)) return onViolation(link, decoded.left)
  const answer = decoded.right
  const key = Protocol.idKey(answer.id)
  switch (answer.kind) {
    case "READY":
      return key.startsWith("h") ? onReady(link, answer.body) : stray(link)
    case "BYE":
      return advance(link, {
        _tag: "Goodbye",
        reason: "the device process said goodbye"
          + (answer.body.reason === undefined ? "" : ` (${answer.body.reason})`)
      })
    case "ERROR":
      return onProblem(link, key, answer.body)
    case "HEARTBEAT":
      return onAlive(link, answer.body)
    case "REPLY":
      settle(link, key, { _tag: "Answered", body: answer.body })
      return advance(link, { _tag: "Heard", path: "commands" })
    case "PROGRESS":
      link.pending.get(key)?.onProgress?.(answer.body.progress, answer.body.message)
      return advance(link, { _tag: "Heard", path: "commands" })
  }
}

const stray = (link: LinkCore): Effect.Effect<void> => {
  dropStray(link)
  return Effect.void
}

const onViolation = (
  link: LinkCore,
  violation: Protocol.ProtocolViolation
): Effect.Effect<void> => {
  const { endpoint } = link.dealer
  const reason = `${endpoint} sent ${violation.message}`
  return Effect.zipRight(
    dropMalformed(link, endpoint, violation),
    advance(
      link,
      violation.code === "unsupported-version"
        ? { _tag: "Refused", reason }
        : { _tag: "Violation", reason }
    )
  )
}

const onReady = (link: LinkCore, ready: Protocol.Ready): Effect.Effect<void> => {
  if (link.state.session === "standing" && ready.epoch === link.epoch) {
    // HELLO was said twice, as a connection may be made while its answer is under way.
    return advance(link, { _tag: "Heard", path: "commands" })
  }
  const fault = readyFault(link, ready)
  if (fault !== undefined) {
    return advance(link, { _tag: "Refused", reason: `${link.dealer.endpoint}: ${fault}` })
  }
  if (link.state.session !== "standing") return begin(link, ready)
  // The device process was started anew before its former connection was seen to end.
  return Effect.zipRight(
    advance(link, { _tag: "SessionGone", reason: restarted }),
    Effect.suspend(() => begin(link, ready))
  )
}

const restarted = "the device process was started anew"

const begin = (link: LinkCore, ready: Protocol.Ready): Effect.Effect<void> => {
  if (link.epoch !== undefined) countMissed(link, ready)
  link.epoch = ready.epoch
  link.seq = ready.seq
  link.alive = undefined
  link.violation = undefined
  link.counters.sessions++
  linkMetrics.sessions.unsafeUpdate(1, link.labels)
  wantSnapshot(link)
  const slow = ready.heartbeatMillis * 2 > link.timing.degradedAfterMillis
    ? warn(
      link,
      "heartbeat",
      `the device process gives signs of life each ${ready.heartbeatMillis} ms only; with`
        + ` degradedAfterMillis ${link.timing.degradedAfterMillis} the link will be unsteady`
    )
    : Effect.void
  return Effect.zipRight(slow, advance(link, { _tag: "Ready" }))
}

const readyFault = (link: LinkCore, ready: Protocol.Ready): string | undefined => {
  if (!Protocol.versions.includes(ready.protocol)) {
    return `unsupported-version: the device process speaks version ${ready.protocol},`
      + ` this node ${Protocol.versions.join(", ")}`
  }
  if (ready.device !== link.owner.device) {
    return `it serves device ${ready.device}, not ${link.owner.device}`
  }
  if (link.epoch !== undefined && goesBack(link.epoch, link.seq, ready)) {
    return `the device process forgot its epoch: epoch ${ready.epoch}, seq ${ready.seq} comes after`
      + ` epoch ${link.epoch}, seq ${link.seq}; its store of epochs must outlive it`
  }
  const faults = Either.match(Description.decode(ready.description), {
    onLeft: (fault) => [fault],
    onRight: (device) => Description.differences({ node: link.owner.description, device })
  })
  return faults.length === 0 ? undefined : `description-mismatch: ${faults.join("; ")}`
}

// What was published while there was no session. Of a new epoch, what the old one still published
// after it was last heard is not known.
const countMissed = (link: LinkCore, ready: Protocol.Ready): void => {
  const missing = ready.epoch === link.epoch ? ready.seq - link.seq : ready.seq
  if (missing > 0 || ready.epoch !== link.epoch) {
    onGap(link, { epoch: ready.epoch, seq: ready.seq + 1, count: missing })
  }
}

const goesBack = (epoch: number, seq: number, ready: Protocol.Ready): boolean =>
  ready.epoch < epoch || (ready.epoch === epoch && ready.seq < seq)

const onProblem = (
  link: LinkCore,
  key: string,
  problem: Protocol.Problem
): Effect.Effect<void> => {
  if (key.startsWith("h")) {
    const reason =
      `${link.dealer.endpoint} refused the session: ${problem.message} (${problem.code})`
    return advance(link, { _tag: "Refused", reason })
  }
  if (!key.startsWith("b")) settle(link, key, { _tag: "Problem", problem })
  return problem.code === "no-session"
    ? advance(link, { _tag: "SessionGone", reason: restarted })
    : advance(link, { _tag: "Heard", path: "commands" })
}

const onAlive = (link: LinkCore, alive: Protocol.Alive): Effect.Effect<void> => {
  if (alive.epoch !== link.epoch) {
    return advance(link, { _tag: "SessionGone", reason: restarted })
  }
  const changed = link.alive?.hardware !== alive.hardware
  link.alive = alive
  if (changed) link.owner.onStatus(statusOf(link))
  return Effect.zipRight(
    changed && alive.hardware !== "ok"
      ? warn(link, "hardware", `the device's hardware is ${alive.hardware}`)
      : Effect.void,
    advance(link, { _tag: "Heard", path: "commands" })
  )
}

const settle = (
  link: LinkCore,
  key: string,
  outcome: Parameters<NonNullable<ReturnType<LinkCore["pending"]["get"]>>["settle"]>[0]
): void => {
  const pending = link.pending.get(key)
  if (pending === undefined) link.counters.answersLate++
  else pending.settle(outcome)
}

/** Handles a message on the telemetry path. Plain code, as it runs for each batch. */
export const onTelemetry = (link: LinkCore, frames: Frames): Effect.Effect<void> => {
  const decoded = Protocol.decodeTelemetry(frames)
  if (Either.isLeft(decoded)) {
    return dropMalformed(link, link.subscriber.endpoint, decoded.left)
  }
  const { batch, device } = decoded.right
  // Subscriptions are by prefix: the topic of pump-1 brings the readings of pump-12 as well.
  if (device !== link.owner.device) return Effect.void
  if (link.state.session !== "standing" || link.epoch === undefined || batch.epoch < link.epoch) {
    return stray(link)
  }
  if (batch.epoch > link.epoch) {
    dropStray(link)
    return advance(link, { _tag: "SessionGone", reason: restarted })
  }
  accept(link, batch)
  return advance(link, { _tag: "Heard", path: "telemetry" })
}

const accept = (link: LinkCore, batch: Protocol.Batch): void => {
  const { length } = batch.samples
  const last = length === 0 ? batch.seq : batch.seq + length - 1
  if (last <= link.seq) {
    if (length > 0) dropStray(link)
    return
  }
  const missing = (length === 0 ? last + 1 : batch.seq) - link.seq - 1
  if (missing > 0) {
    onGap(link, { epoch: batch.epoch, seq: link.seq + missing + 1, count: missing })
    wantSnapshot(link)
  }
  const seen = link.seq + 1 - batch.seq
  link.seq = last
  if (length === 0) return
  link.counters.batches++
  link.counters.readings += length
  linkMetrics.batches.unsafeUpdate(1, link.labels)
  linkMetrics.readings.unsafeUpdate(length, link.labels)
  link.owner.onBatch(
    missing >= 0 ? batch : { ...batch, seq: batch.seq + seen, samples: batch.samples.slice(seen) }
  )
}

const onGap = (link: LinkCore, missing: Missing): void => {
  link.counters.gaps++
  link.counters.readingsMissing += missing.count
  linkMetrics.gaps.unsafeUpdate(1, link.labels)
  link.owner.onMissing(missing)
}
