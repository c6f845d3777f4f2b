/** How messages of a kind are handled, as annotations of their Rpc. */
import { Context } from "effect"

/** The most messages that one actor handles beside the ordinary ones; then `MailboxFull`. */
export const besideMax = 1_024

/**
 * With `true`, a message runs as soon as it comes, beside whatever its actor is at: a read while a
 * long command runs, an emergency stop. It waits behind no other message, however full the mailbox
 * is, so it has no place in their order.
 */
export class Beside extends Context.Reference<Beside>()("@plantd/actors/Handling/Beside", {
  defaultValue: () => false
}) {}

/** With `true`, a handler is interrupted when its asker goes away or its deadline passes. */
export class Interruptible extends Context.Reference<Interruptible>()(
  "@plantd/actors/Handling/Interruptible",
  { defaultValue: () => false }
) {}

/**
 * With `true`, a message that comes from a handler of its own actor, through asks of others, runs
 * beside that handler: A asks B, B asks A, and neither waits for ever.
 */
export class Reentrant extends Context.Reference<Reentrant>()(
  "@plantd/actors/Handling/Reentrant",
  { defaultValue: () => false }
) {}

/**
 * With `true`, a message is stored before it is sent, and stays until it was handled: it survives
 * the end of every node, is handled at least once, and in the order of its actor's messages of this
 * kind. Needs `DurableMessages`. An Rpc with a `primaryKey` names its messages: the same one is
 * stored once, and whoever sends it again gets the answer to the first.
 */
export class Durable extends Context.Reference<Durable>()("@plantd/actors/Handling/Durable", {
  defaultValue: () => false
}) {}
