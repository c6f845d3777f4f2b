/** Options that several subcommands have, and what is said of wrong values. */
import { HelpDoc, Options, ValidationError } from "@effect/cli"
import { Duration, Effect, Either, Option } from "effect"
import * as Span from "./Span.ts"

/** A span of time, in milliseconds; `undefined` where it is not given. */
export const span = (name: string, description: string) =>
  Options.text(name).pipe(
    Options.withPseudoName("span"),
    Options.withDescription(description),
    Options.mapEffect((text) =>
      Option.match(Span.parse(text), {
        onSome: (duration) => Effect.succeed(Duration.toMillis(duration)),
        onNone: () => invalid(`--${name}: expected ${Span.expected}, got ${JSON.stringify(text)}`)
      })
    ),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** A whole number within bounds; `undefined` where it is not given. */
export const whole = (
  name: string,
  { description, max, min }: {
    readonly description: string
    readonly min: number
    readonly max: number
  }
) =>
  Options.text(name).pipe(
    Options.withPseudoName("number"),
    Options.withDescription(description),
    Options.mapEffect((text) =>
      /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max
        ? Effect.succeed(Number(text))
        : invalid(
          `--${name}: expected a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`
        )
    ),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** A text; `undefined` where it is not given. */
export const text = (name: string, stands: string, description: string) =>
  Options.text(name).pipe(
    Options.withPseudoName(stands),
    Options.withDescription(description),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** What a text stands for; `undefined` where it is not given. `parse` gives what is wrong, else. */
export const parsed = <A>(
  name: string,
  { description, parse, stands }: {
    readonly stands: string
    readonly description: string
    readonly parse: (text: string) => Either.Either<A, string>
  }
) =>
  Options.text(name).pipe(
    Options.withPseudoName(stands),
    Options.withDescription(description),
    Options.mapEffect((text) =>
      Either.match(parse(text), {
        onLeft: (wrong) => invalid(`--${name}: ${wrong}`),
        onRight: (value) => Effect.succeed(value)
      })
    ),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** The value of an option, or another where it is not given. */
export const orElse =
  <A>(other: () => A) => (option: Options.Options<A | undefined>): Options.Options<A> =>
    Options.map(option, (given) => given ?? other())

const invalid = (message: string) => Effect.fail(ValidationError.invalidValue(HelpDoc.p(message)))
