import { ClusterError } from "@plantd/cluster"
import { expect, it } from "vitest"

it.each([
  [
    new ClusterError.AddressInUse({ address: "h:1", startedAt: 0 }),
    "another node of the cluster has the address h:1, since 1970-01-01T00:00:00.000Z; stop it, or"
    + " give this one another address"
  ],
  [
    new ClusterError.ShardsDiffer({ shards: 8, stored: 4 }),
    "this node is set to 8 shards, and its cluster has 4; set all nodes alike"
  ],
  [
    new ClusterError.ProtocolsDiffer({
      address: "h:1",
      theirs: { oldest: 1, newest: 2 },
      ours: { oldest: 3, newest: 3 }
    }),
    "the node h:1 of the cluster speaks the versions 1 to 2 of the protocol between nodes, and this"
    + " one version 3; all nodes of one release must be stopped before one of the other joins"
  ],
  [new ClusterError.LeaseLost({ address: "h:1" }), "the node h:1 is no longer a member"]
])("%s says what is wrong, and the way out", (error, says) => {
  expect(error.message).toContain(says)
})
