/** What a handler of a driver can say of a command that it did not see succeed. */
import { Effect, Schema } from "effect"

/**
 * A handler's way to say that it did nothing: the command was provably not carried out. A failure
 * that is neither a `Refusal` nor an `Unknown` says that it tried and failed.
 */
export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  code: Schema.Literal("validation", "state", "busy", "expired", "stale-fence"),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.detail} (${this.code})`
  }
}

/** Fails with a `Refusal`. */
export const refuse = (code: Refusal["code"], detail: string): Effect.Effect<never, Refusal> =>
  Effect.fail(new Refusal({ code, detail }))

/**
 * A handler's way to say that it cannot tell: the command was handed to the hardware, which did not
 * say what became of it. The node then has an unknown outcome, and neither a success nor a failure.
 */
export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { detail: Schema.String }) {
  override get message(): string {
    return `it is unknown whether it was carried out: ${this.detail}`
  }
}

/** Fails with an `Unknown`. */
export const unknown = (detail: string): Effect.Effect<never, Unknown> =>
  Effect.fail(new Unknown({ detail }))
