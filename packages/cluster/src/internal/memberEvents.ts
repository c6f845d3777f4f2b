/** What happened between two views of a cluster. */
import type { MembershipEvent } from "../Cluster.ts"
import type { Member, View } from "../LeaseStore.ts"

const isLive = ({ leaseLeft }: Member): boolean => leaseLeft > 0

/** The events that lead from one view to the next. */
export const eventsBetween = (before: View, after: View): ReadonlyArray<MembershipEvent> => {
  const known = new Map(before.members.filter(isLive).map((member) => [member.session, member]))
  const present = new Map(after.members.map((member) => [member.session, member]))
  const events: Array<MembershipEvent> = []
  for (const node of after.members.filter(isLive)) {
    const was = known.get(node.session)
    if (was === undefined) events.push({ _tag: "Joined", node })
    if (node.draining && was?.draining !== true) events.push({ _tag: "Draining", node })
  }
  for (const node of known.values()) {
    const now = present.get(node.session)
    if (now === undefined) events.push({ _tag: "Left", node })
    else if (!isLive(now)) events.push({ _tag: "Lost", node })
  }
  const [held, holds] = [countsOf(before), countsOf(after)]
  for (const node of after.members) {
    const shards = holds.get(node.session) ?? 0
    if (shards !== (held.get(node.session) ?? 0)) {
      events.push({ _tag: "ShardsMoved", node, shards })
    }
  }
  return events
}

const countsOf = ({ holders }: View): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const session of holders.values()) counts.set(session, (counts.get(session) ?? 0) + 1)
  return counts
}
