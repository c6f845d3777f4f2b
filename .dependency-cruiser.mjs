/**
 * Which package may import which: the arrows of the house, cycles, and who may touch the engines
 * (`zeromq`, `@effect/cluster`). Run by `npm run layering`.
 */

import { readFileSync } from "node:fs"

const manifestOf = (folder) =>
  JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), "utf8"))

/** Every workspace's folder with its package.json. */
const workspaces = manifestOf(".").workspaces.map((folder) => ({
  folder,
  manifest: manifestOf(folder)
}))

/** Each package, and the packages that it may import. */
const arrows = {
  "packages/core": [],
  "packages/actors": ["packages/core"],
  "packages/hardware": ["packages/core", "packages/actors"],
  "packages/cluster": ["packages/core", "packages/actors"],
  "packages/simulation": [
    "packages/core",
    "packages/actors",
    "packages/hardware",
    "packages/cluster"
  ],
  "packages/services": ["packages/core", "packages/actors", "packages/hardware"],
  "packages/gateway": [
    "packages/core",
    "packages/actors",
    "packages/hardware",
    "packages/services"
  ],
  "examples": ["packages/core", "packages/actors", "packages/hardware", "packages/cluster"],
  "packages/node": ["packages", "examples"]
}

const arrow = ([from, allowed]) => ({
  name: `arrows-of-${from.replace("packages/", "")}`,
  comment: `${from} may import ${allowed.length === 0 ? "no other package" : allowed.join(", ")}`,
  severity: "error",
  from: { path: `^${from}/` },
  to: {
    path: "^(packages|examples|test|benchmarks)/",
    pathNot: `^(${[...allowed, from].join("|")})/`
  }
})

/** npm hoists every workspace, so that an undeclared import works here and fails for a user. */
const declared = ({ folder, manifest }) => {
  const names = { ...manifest.dependencies, ...manifest.devDependencies }
  const known = workspaces.filter((other) => other.manifest.name in names)
  return {
    name: `declared-workspaces-of-${manifest.name}`,
    comment: `declare the workspace in ${folder}/package.json, with its exact version`,
    severity: "error",
    from: { path: `^${folder}/` },
    to: {
      path: `^(${workspaces.map((other) => other.folder).join("|")})/`,
      pathNot: `^(${[folder, ...known.map((other) => other.folder)].join("|")})/`
    }
  }
}

export default {
  forbidden: [
    ...Object.entries(arrows).map(arrow),
    ...workspaces.map(declared),
    {
      name: "no-cycles",
      comment:
        "modules that need each other at run time are one concept: merge them, or turn an arrow",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }
    },
    {
      name: "zeromq-in-one-file",
      comment:
        "use the Transport port; only ZmqTransport.ts wraps zeromq, and benchmarks measure it"
        + " as a peer",
      severity: "error",
      from: { pathNot: "^(packages/hardware/src/ZmqTransport\\.ts|test/|benchmarks/src/peers/)" },
      to: { path: "(^|/)node_modules/zeromq/" }
    },
    {
      name: "cluster-engine-in-one-package",
      comment: "only packages/cluster and the simulator's stand-ins import @effect/cluster;"
        + " benchmarks measure it as a peer",
      severity: "error",
      from: { pathNot: "^(packages/(cluster|simulation)|benchmarks)/" },
      to: { path: "(^|/)node_modules/@effect/cluster/" }
    },
    {
      name: "core-is-pure",
      comment: "core runs anywhere: it imports no Node built-in",
      severity: "error",
      from: { path: "^packages/core/" },
      to: { dependencyTypes: ["core"] }
    },
    {
      name: "declared-dependencies",
      comment: "declare it in the package.json of the workspace that imports it",
      severity: "error",
      from: { path: "^(packages|examples|test|benchmarks)/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["npm-peer"] }
    },
    {
      name: "resolvable",
      comment: "what is imported does not exist, or its package does not export it",
      severity: "error",
      from: {},
      to: { couldNotResolve: true }
    },
    {
      name: "tests-use-public-exports",
      comment: 'import from "@plantd/<package>"; a test sees what a user sees',
      severity: "error",
      from: { path: "^(test|benchmarks)/" },
      to: { path: "^(packages|examples(/drivers)?)/[^/]+/src/", dependencyTypes: ["local"] }
    },
    {
      name: "workspaces-by-name",
      comment: "import another workspace by its name, not by a path",
      severity: "error",
      from: { path: "^((packages|examples(/drivers)?)/[^/]+)/" },
      to: {
        path: "^(packages|examples)/[^/]+/",
        pathNot: "^$1/",
        dependencyTypes: ["local"]
      }
    },
    {
      name: "no-tests-in-sources",
      comment: "sources never import tests, benchmarks or development dependencies",
      severity: "error",
      from: { path: "^(packages|examples)/" },
      to: { dependencyTypes: ["npm-dev"] }
    }
  ],
  options: {
    tsConfig: { fileName: "tsconfig.check.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: ["^packages/[^/]+/dist/", "^examples/(drivers/)?[^/]+/dist/"] },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["plantd-source", "import", "node", "types", "default"],
      extensions: [".ts", ".js", ".mjs", ".json"]
    }
  }
}
