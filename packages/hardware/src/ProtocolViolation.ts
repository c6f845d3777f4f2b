/** What is said of messages that are not of the protocol that is spoken. */
import { Schema } from "effect"

/**
 * Frames that are not of the protocol: what was wrong, and in which frame or field. Nothing was
 * done.
 */
export class ProtocolViolation extends Schema.TaggedError<ProtocolViolation>()(
  "ProtocolViolation",
  {
    code: Schema.Literal("malformed", "unsupported-version"),
    /** The frame or field, for example `READ.deadlineMs`. */
    where: Schema.String,
    detail: Schema.String,
    /** The id of the request, where one could be read: an ERROR can be answered to it. */
    id: Schema.optionalWith(Schema.Uint8ArrayFromSelf, { exact: true })
  }
) {
  override get message(): string {
    return `${this.where}: ${this.detail} (${this.code})`
  }
}

/** A violation of the kind `malformed`. */
export const malformed = (where: string, detail: string, id?: Uint8Array): ProtocolViolation =>
  new ProtocolViolation({
    code: "malformed",
    where,
    detail,
    ...(id === undefined ? {} : { id })
  })
