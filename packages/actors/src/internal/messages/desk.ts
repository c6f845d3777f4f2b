/**
 * The desk of an actor: hands it the durable messages that are stored for it, one after the other,
 * and stores their answers. It is an actor itself, whose id makes it live where its actor does, so
 * that there is one desk for each actor, and it moves with it. What is stored is the truth: those
 * who ask a desk only say that there may be more.
 */
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Schema } from "effect"
import * as Actor from "../../Actor.ts"
import type { ActorAddress } from "../../ActorAddress.ts"
import { ActorContext } from "../../ActorContext.ts"
import { Beside, Interruptible } from "../../Handling.ts"
import { type DeskGround, DeskWork } from "./deskWork.ts"

/** A desk that had nothing to do for so long ends. */
const idle = "30 seconds"

/** Desks of actors. */
export const Desk = Actor.make("plantd.desk", [
  /** Gives the stored answer of a message; `null` where the actor lives elsewhere by now. */
  Rpc.make("Await", {
    payload: { sequence: Schema.Int },
    success: Schema.NullOr(Schema.String)
  }).annotate(Beside, true).annotate(Interruptible, true),
  /** There may be messages. */
  Rpc.make("Look")
])

const mark = "/#"

/** The id of an actor's desk: its root is the actor's, and so is its shard. No type has a `#`. */
export const deskIdOf = ({ id, type }: ActorAddress): string => `${id}${mark}${type}`

const addressOf = (deskId: string): ActorAddress => {
  const at = deskId.lastIndexOf(mark)
  return { type: deskId.slice(at + mark.length), id: deskId.slice(0, at) }
}

/** Desks for as long as the layer lives. */
export const desksOn = (ground: DeskGround) =>
  Desk.toLayer(
    Effect.gen(function*() {
      const actor = yield* ActorContext
      const address = addressOf(actor.address.id)
      const work = new DeskWork(ground, { actor, address, scope: yield* Effect.scope })
      return {
        Await: ({ sequence }) => work.answerOf(sequence),
        Look: () => work.lookAgain
      }
    }),
    { passivateAfter: idle }
  )
