/**
 * Everything a test of actors needs: a system on virtual time, actors played by the test, what
 * happens to actors, and behaviours without a system. It needs no test runner in particular.
 */
export * as Behaviour from "./Behaviour.ts"
export * as Lifecycle from "./Lifecycle.ts"
export * as TestProbe from "./TestProbe.ts"
export * as TestSystem from "./TestSystem.ts"
