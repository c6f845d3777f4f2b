/**
 * What is to be stored of the alarms of one device: written in order, one write at a time. What the
 * store does not take waits, the newest of each alarm, and is written when it does again.
 */
import { DurableError } from "@plantd/actors"
import { type Alarm, Backoff } from "@plantd/core"
import { Cause, Effect, Fiber, Metric, type MetricLabel, Queue, Random } from "effect"
import type { DeviceStoreService, Holder, WriteError } from "../DeviceStore.ts"

/** Acknowledgements and shelvings that wait for the write at hand; beyond it they are refused. */
export const waitersMax = 64

/** How long the end of an actor waits for what is not stored yet, in milliseconds. */
export const flushMillisMax = 2_000

/** Between two tries to store what the store did not take: 100 ms, growing to 10 s. */
const retry = Backoff.standard

const unstored = Metric.gauge("plantd_device_alarms_unstored", {
  description: "Alarms whose newest state is not stored yet"
})

/** What a ledger is made from. */
export interface Options {
  readonly store: DeviceStoreService
  readonly holder: Holder
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  /** Another node took the device over: this actor stops. */
  readonly yieldDevice: Effect.Effect<void>
  readonly warn: (kind: string, text: string) => Effect.Effect<void>
}

/** See the module. */
export class AlarmLedger {
  private readonly dirty = new Map<string, Alarm.Instance>()
  private readonly options: Options
  private readonly wake: Queue.Queue<void>
  private readonly turn: Effect.Semaphore
  private waiting = 0
  /** True once another node has the device: from then on it is the one to store its alarms. */
  private lost = false

  constructor(
    options: Options,
    { turn, wake }: { readonly wake: Queue.Queue<void>; readonly turn: Effect.Semaphore }
  ) {
    this.options = options
    this.wake = wake
    this.turn = turn
  }

  /** Notes that an alarm is to be stored as it now is. */
  note(instance: Alarm.Instance): void {
    if (this.lost) return
    this.dirty.set(instance.alarm, instance)
    this.count()
    Queue.unsafeOffer(this.wake, undefined)
  }

  /** Runs what decides about a write, and makes it, while no other write is under way. */
  inTurn<A, E>(
    run: Effect.Effect<A, E>
  ): Effect.Effect<A, E | DurableError.StoreUnavailable> {
    return Effect.suspend((): Effect.Effect<A, E | DurableError.StoreUnavailable> => {
      if (this.waiting >= waitersMax) {
        return Effect.fail(
          new DurableError.StoreUnavailable({
            reason: "overloaded",
            outcome: "not-written",
            detail: `${waitersMax} changes of alarms wait already`
          })
        )
      }
      this.waiting++
      return Effect.ensuring(
        this.turn.withPermits(1)(run),
        Effect.sync(() => {
          this.waiting--
        })
      )
    })
  }

  /** Stores an alarm at once, in a turn. Where that fails, `now` is what is stored later. */
  save(instance: Alarm.Instance, now: () => Alarm.Instance): Effect.Effect<void, WriteError> {
    const { alarm } = instance
    const known = this.dirty.get(alarm)
    return Effect.matchEffect(this.write([instance]), {
      onSuccess: () =>
        Effect.sync(() => {
          // What was to be stored before it is in it; what came meanwhile is not.
          if (this.dirty.get(alarm) === known) this.dirty.delete(alarm)
          this.count()
        }),
      onFailure: (error) => {
        // It may be stored all the same: what is so is written over it.
        this.note(now())
        return Effect.zipRight(this.failed(error), Effect.fail(error))
      }
    })
  }

  /** Writes what there is to write, until it is interrupted. */
  get run(): Effect.Effect<never> {
    return Effect.forever(Effect.zipRight(Queue.take(this.wake), this.persist(0)))
  }

  /** Tries once more to write all, and says what could not be; a write under way may go on. */
  get flush(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.dirty.size === 0
        ? Effect.void
        // An actor ends by it, which nothing interrupts: the time does not cut what runs here.
        : Effect.forkDaemon(Effect.interruptible(this.attempt)).pipe(
          Effect.flatMap((fiber) =>
            Effect.timeoutFail(Effect.interruptible(Fiber.join(fiber)), {
              duration: flushMillisMax,
              onTimeout: () => "no answer came"
            })
          ),
          Effect.catchAllCause((cause) =>
            this.options.warn(
              "flush",
              `${this.dirty.size} alarms end without being stored: ${Cause.pretty(cause)}`
            )
          )
        )
    )
  }

  private readonly attempt: Effect.Effect<void, WriteError> = Effect.suspend(() =>
    this.turn.withPermits(1)(Effect.suspend(() => {
      const batch = [...this.dirty.values()]
      return batch.length === 0 ? Effect.void : Effect.map(this.write(batch), () => {
        for (const instance of batch) {
          if (this.dirty.get(instance.alarm) === instance) this.dirty.delete(instance.alarm)
        }
        this.count()
      })
    }))
  )

  private persist(attempts: number): Effect.Effect<void> {
    return Effect.catchAll(
      this.attempt,
      (error) => {
        if (error._tag === "Superseded") return this.failed(error)
        return this.failed(error).pipe(
          Effect.zipRight(Random.next),
          Effect.flatMap((random) => Effect.sleep(Backoff.delayMillis(retry, attempts, random))),
          Effect.zipRight(Effect.suspend(() => this.persist(attempts + 1)))
        )
      }
    )
  }

  // A store that dies is one that did not answer: nobody knows what it has written.
  private write(instances: ReadonlyArray<Alarm.Instance>): Effect.Effect<void, WriteError> {
    const { holder, store } = this.options
    const alarms = instances.map((instance) => ({
      alarm: instance.alarm,
      value: JSON.stringify(instance)
    }))
    return Effect.catchAllDefect(
      Effect.suspend(() => store.saveAlarms(holder, alarms)),
      (defect) =>
        Effect.fail(
          new DurableError.StoreUnavailable({
            reason: "failed",
            outcome: "unknown",
            detail: String(defect)
          })
        )
    )
  }

  private failed(error: WriteError): Effect.Effect<void> {
    if (error._tag === "StoreUnavailable") {
      return this.options.warn(
        "store",
        `${this.dirty.size} alarms are not stored, and wait for it: ${error.message}`
      )
    }
    this.lost = true
    this.dirty.clear()
    this.count()
    return this.options.yieldDevice
  }

  private count(): void {
    unstored.unsafeUpdate(this.dirty.size, this.options.labels)
  }
}
