/** How registering with a receptionist, or reading from it, can fail. */
import { Schema } from "effect"

/** The receptionist holds as much of something as its setting `limit` allows. */
export class ReceptionistFull extends Schema.TaggedError<ReceptionistFull>()("ReceptionistFull", {
  key: Schema.String,
  limit: Schema.Literal("keysMax", "actorsPerKeyMax", "readersPerKeyMax"),
  max: Schema.Number
}) {
  override get message(): string {
    const { key, limit, max } = this
    return `the key ${key} would exceed the receptionist's ${limit}, which is ${max};`
      + " raise it by Receptionist.layerWith, or let actors and readers go"
  }
}
