import { defineConfig } from "vitest/config"

/** Every package with code is measured by itself: a well tested one cannot hide another. */
const enough = { lines: 85, branches: 85 }

/** Tests whose subject is how things go by the clock on the wall. */
const realTime = [
  "test/benchmarks/**/*.test.ts",
  "test/integration/**/*.test.ts",
  "test/node/ClusterDemo.test.ts",
  "test/node/Demo.test.ts"
]

export default defineConfig({
  resolve: { conditions: ["plantd-source"] },
  // Not "import": Node would give it to CommonJS modules too, and with it what they cannot use.
  ssr: { resolve: { conditions: ["plantd-source", "node", "module"] } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: realTime }
      },
      {
        // Real processes and their clocks: after the others, one file at a time.
        extends: true,
        test: {
          name: "integration",
          include: realTime,
          poolOptions: { forks: { singleFork: true } },
          sequence: { groupOrder: 1 }
        }
      }
    ],
    pool: "forks",
    // Test files share a process: loading Effect anew for each would take most of the time.
    poolOptions: {
      forks: {
        maxForks: 2,
        minForks: 1,
        isolate: false,
        // Processes that tests start inherit these: they run from the sources too.
        execArgv: ["--conditions=plantd-source", "--import", "tsx"]
      }
    },
    // Against those that never end; on a busy machine virtual time takes its time as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: [
        "packages/*/src/**/*.ts",
        "examples/*/src/**/*.ts",
        "examples/drivers/*/src/**/*.ts"
      ],
      // A table of every file, unless unattended: there it would bury the tests that failed.
      reporter: [process.env.CI === undefined ? "text" : "text-summary", "json-summary"],
      reportOnFailure: true,
      thresholds: {
        "packages/core/src/**": enough,
        "packages/actors/src/**": enough,
        "packages/hardware/src/**": enough,
        "packages/cluster/src/**": enough,
        "packages/simulation/src/**": enough,
        "packages/node/src/**": enough,
        "examples/tank/src/**": enough,
        "examples/drivers/modbus/src/**": enough
      }
    }
  }
})
