/** Where a message goes: the type of an actor and its identity within that type. */
import { Schema } from "effect"

/** The address of one actor; it stays the same across restarts and moves. */
export const ActorAddress = Schema.Struct({ type: Schema.String, id: Schema.String })
/** The address of one actor; it stays the same across restarts and moves. */
export interface ActorAddress extends Schema.Schema.Type<typeof ActorAddress> {}

/** `type/id`, as it stands in logs and error messages. */
export const format = (address: ActorAddress): string => `${address.type}/${address.id}`
