// npm run example examples/actors/src/bankAccount.ts
/** A bank account as the sum of its stored events: it outlives the system that it runs in. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Actor, ActorSystem } from "@plantd/actors"
import * as EventSourced from "@plantd/actors/EventSourced"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Console, Effect, Layer, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const Amount = Schema.Int.pipe(Schema.positive())

/** What the account refuses: it never owes anything. */
class Overdrawn extends Schema.TaggedError<Overdrawn>()("Overdrawn", {
  balance: Schema.Int,
  amount: Schema.Int
}) {
  override get message(): string {
    return `the balance is ${this.balance}, less than ${this.amount}`
  }
}

const Account = Actor.make("Account", [
  Rpc.make("Deposit", { payload: { amount: Amount }, success: Schema.Int }),
  Rpc.make("Withdraw", { payload: { amount: Amount }, success: Schema.Int, error: Overdrawn }),
  Rpc.make("Balance", { success: Schema.Int })
])

const Deposited = Schema.TaggedStruct("Deposited", { amount: Amount })
const Withdrawn = Schema.TaggedStruct("Withdrawn", { amount: Amount })

const AccountLive = Account.toLayer(
  Effect.gen(function*() {
    const account = yield* EventSourced.open({
      events: Schema.Union(Deposited, Withdrawn),
      initial: 0,
      apply: (balance, { _tag, amount }) =>
        _tag === "Deposited" ? balance + amount : balance - amount,
      snapshot: { schema: Schema.Int, every: 100 }
    })
    yield* Console.log(`  the account opens: ${account.sequence} events, ${account.current} in it`)
    return {
      // An event that cannot be stored is a crash: the account starts anew from what is stored.
      Deposit: ({ amount }) => Effect.orDie(account.persist(Deposited.make({ amount }))),
      Withdraw: ({ amount }) =>
        account.current < amount
          ? Effect.fail(new Overdrawn({ balance: account.current, amount }))
          : Effect.orDie(account.persist(Withdrawn.make({ amount }))),
      Balance: () => account.state
    }
  })
)

/** A system with the accounts that are in a file; it ends with the effect that it is given to. */
const bank = (filename: string) =>
  AccountLive.pipe(
    Layer.provide(SqlDurableStore.layer),
    Layer.provide(SqliteClient.layer({ filename })),
    Layer.provideMerge(ActorSystem.layer)
  )

const business = Effect.gen(function*() {
  const ada = (yield* Account.client)("ada")
  yield* Console.log(`  100 are deposited: ${yield* ada.Deposit({ amount: 100 })}`)
  yield* Console.log(`  30 are withdrawn: ${yield* ada.Withdraw({ amount: 30 })}`)
  const refused = yield* Effect.flip(ada.Withdraw({ amount: 500 }))
  yield* Console.log(`  500 are not (${refused._tag}): ${refused.message}`)
})

const afterwards = Effect.gen(function*() {
  const ada = (yield* Account.client)("ada")
  yield* Console.log(`  the balance is ${yield* ada.Balance()}`)
})

const program = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-bank-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const filename = join(folder, "bank.db")
  yield* Console.log("the bank opens:")
  yield* Effect.provide(business, bank(filename))
  yield* Console.log("the bank has closed, and opens again:")
  yield* Effect.provide(afterwards, bank(filename))
})

NodeRuntime.runMain(Effect.scoped(program))
