import { defineConfig } from "vitest/config"

/** Tests that are to fail, for `SimTest.test.ts` to look at; modules are found as elsewhere. */
export default defineConfig({
  resolve: { conditions: ["plantd-source"] },
  ssr: { resolve: { conditions: ["plantd-source", "node", "module"] } },
  test: { include: ["**/planted.ts"], root: import.meta.dirname }
})
