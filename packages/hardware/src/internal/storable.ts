/**
 * What every store of devices takes, and in which form: the bounds that its adapters share, so that
 * a device behaves the same on each of them.
 */
import { type ActorAddress, DurableError } from "@plantd/actors"
import type { Fence } from "@plantd/core"
import { Effect } from "effect"
import {
  type Intent,
  type Page,
  pageMax,
  type Retention,
  type Settlement
} from "../CommandJournal.ts"
import type { DeviceStoreService } from "../DeviceStore.ts"

/** The most characters that are kept of what a device or a person has to say. */
export const remarkLengthMax = 4_096

/** The most finished commands that can be asked to be kept of one device. */
export const keepMax = 1_000_000_000

/** The bytes that texts have in UTF-8. */
export const bytesOf = (...texts: ReadonlyArray<string | undefined>): number =>
  texts.reduce((sum, text) => sum + (text === undefined ? 0 : Buffer.byteLength(text)), 0)

/** What a writer gets whose device another one has taken over. */
export const superseded = (
  device: ActorAddress.ActorAddress,
  ours: Fence.Fence,
  stored: Fence.Fence
) => new DurableError.Superseded({ address: device, name: "device", ours, stored })

/** The store, with everything put in form, or refused, before it gets there. */
export const storable = (
  store: DeviceStoreService,
  valueBytesMax: number
): DeviceStoreService => ({
  ...store,
  intend: (holder, intent) => {
    const bytes = bytesOf(intent.name, intent.args, intent.session)
    return bytes <= valueBytesMax
      ? store.intend(holder, intent)
      : Effect.fail(tooLarge(holder.device, intent, { bytes, bytesMax: valueBytesMax }))
  },
  settle: (holder, commandId, settlement) =>
    store.settle(holder, commandId, settlementOf(settlement, valueBytesMax)),
  history: (device, page) => store.history(device, pageOf(page)),
  forget: (holder, retention) => store.forget(holder, retentionOf(retention)),
  saveAlarms: (holder, alarms) => {
    const bytes = bytesOf(...alarms.flatMap(({ alarm, value }) => [alarm, value]))
    return bytes <= valueBytesMax
      ? store.saveAlarms(holder, alarms)
      : Effect.fail(refused("these alarms have", bytes, valueBytesMax))
  },
  saveLease: (holder, lease) => {
    const bytes = bytesOf(lease?.session)
    return bytes <= valueBytesMax
      ? store.saveLease(holder, lease)
      : Effect.fail(refused("the session has", bytes, valueBytesMax))
  },
  saveOutOfService: (holder, mark) =>
    store.saveOutOfService(
      holder,
      mark === undefined
        ? undefined
        : { by: remarkOf(mark.by), reason: remarkOf(mark.reason), at: mark.at }
    )
})

const tooLarge = (
  address: ActorAddress.ActorAddress,
  { commandId }: Intent,
  size: { readonly bytes: number; readonly bytesMax: number }
) => new DurableError.ValueTooLarge({ address, name: `command ${commandId}`, ...size })

const refused = (what: string, bytes: number, bytesMax: number) =>
  new DurableError.StoreUnavailable({
    reason: "failed",
    outcome: "not-written",
    detail: `${what} ${bytes} bytes, more than valueBytesMax (${bytesMax})`
  })

/** What became of a command is never lost for the length of what is said of it. */
const settlementOf = (settlement: Settlement, bytesMax: number): Settlement => {
  const { detail, result, ...rest } = settlement
  const bytes = bytesOf(result)
  if (bytes <= bytesMax) {
    return {
      ...rest,
      ...(result === undefined ? {} : { result }),
      ...(detail === undefined ? {} : { detail: remarkOf(detail) })
    }
  }
  const left = `its result is left out: ${bytes} bytes, more than valueBytesMax (${bytesMax})`
  return { ...rest, detail: remarkOf(detail === undefined ? left : `${left}; ${detail}`) }
}

const pageOf = ({ before, limit }: Page): Page => ({
  limit: within(limit, pageMax),
  ...(before === undefined ? {} : { before })
})

const retentionOf = ({ before, keep }: Retention): Retention => ({
  before,
  keep: within(keep, keepMax)
})

const within = (count: number, max: number): number => Math.max(0, Math.min(Math.floor(count), max))

/** No database keeps the NUL character or half a surrogate pair as it was given. */
const remarkOf = (text: string): string =>
  text.slice(0, remarkLengthMax).replaceAll("\u0000", "\uFFFD").replace(
    /\p{Surrogate}/gu,
    "\uFFFD"
  )
