/** The `plantd` command: composition of the packages, and the demo. */
export * as DemoRecord from "./DemoRecord.ts"
export * as DemoScript from "./DemoScript.ts"
export * as DemoView from "./DemoView.ts"
export * as Span from "./Span.ts"
