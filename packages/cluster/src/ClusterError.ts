/** What keeps a node from joining its cluster, or makes it leave. */
import { Schema } from "effect"

/** Which versions of the protocol between nodes a node speaks: these, and all in between. */
export const Protocols = Schema.Struct({ oldest: Schema.Number, newest: Schema.Number })
/** Which versions of the protocol between nodes a node speaks: these, and all in between. */
export interface Protocols extends Schema.Schema.Type<typeof Protocols> {}

/** Another process is a node of the cluster under the same address. */
export class AddressInUse extends Schema.TaggedError<AddressInUse>()("AddressInUse", {
  address: Schema.String,
  startedAt: Schema.Number
}) {
  override get message(): string {
    return `another node of the cluster has the address ${this.address}, since`
      + ` ${new Date(this.startedAt).toISOString()}; stop it, or give this one another address`
  }
}

/** The nodes of a cluster must agree on how many shards there are. */
export class ShardsDiffer extends Schema.TaggedError<ShardsDiffer>()("ShardsDiffer", {
  shards: Schema.Number,
  stored: Schema.Number
}) {
  override get message(): string {
    return `this node is set to ${this.shards} shards, and its cluster has ${this.stored};`
      + " set all nodes alike (the number can only be changed while no node runs)"
  }
}

/** The nodes of a cluster must have a version of their protocol in common. */
export class ProtocolsDiffer extends Schema.TaggedError<ProtocolsDiffer>()("ProtocolsDiffer", {
  /** Of the node that is there already. */
  address: Schema.String,
  theirs: Protocols,
  ours: Protocols
}) {
  override get message(): string {
    return `the node ${this.address} of the cluster speaks ${spoken(this.theirs)} of the protocol`
      + ` between nodes, and this one ${spoken(this.ours)};`
      + " all nodes of one release must be stopped before one of the other joins"
  }
}

const spoken = ({ newest, oldest }: Protocols): string =>
  oldest === newest ? `version ${newest}` : `the versions ${oldest} to ${newest}`

/** The lease of this node ran out, and another process has taken its place. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  address: Schema.String
}) {
  override get message(): string {
    return `the node ${this.address} is no longer a member of its cluster`
  }
}
