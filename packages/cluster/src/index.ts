/** Many nodes of plantd: the same actors, placed, reached and restarted across processes. */
export { Cluster, type ClusterService, type MembershipEvent } from "./Cluster.ts"
export * as ClusterError from "./ClusterError.ts"
export * as ClusterSettings from "./ClusterSettings.ts"
export * as ClusterSystem from "./ClusterSystem.ts"
export { LeaseStore, type LeaseStoreService } from "./LeaseStore.ts"
export { PeerTransport, type PeerTransportService } from "./PeerTransport.ts"
export * as SocketTransport from "./SocketTransport.ts"
export * as SqlLeaseStore from "./SqlLeaseStore.ts"
