/** House rules on what is installed: exact versions, and a lockfile that works everywhere. */
import { Schema } from "effect"
import { type Finding, findingAt, type SourceFile } from "./source.ts"

const Versions = Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
  default: () => ({})
})

const Manifest = Schema.parseJson(
  Schema.Struct({ dependencies: Versions, devDependencies: Versions })
)

const Lockfile = Schema.parseJson(
  Schema.Struct({
    packages: Schema.Record({
      key: Schema.String,
      value: Schema.Struct({ optionalDependencies: Versions })
    })
  })
)

const lineWith = (file: SourceFile, text: string): number =>
  file.text.slice(0, Math.max(0, file.text.indexOf(text))).split("\n").length

/** Dependencies of package.json files that are not pinned, or pinned to different versions. */
export const loosePins = (manifests: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> => {
  const pinned = new Map<string, string>()
  return manifests.flatMap((file) => {
    const { dependencies, devDependencies } = Schema.decodeUnknownSync(Manifest)(file.text)
    return Object.entries({ ...dependencies, ...devDependencies }).flatMap(([name, version]) => {
      const line = lineWith(file, `"${name}": "${version}"`)
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
        return [findingAt(file, line, `${name} ${version}: pin one exact version`)]
      }
      const other = pinned.get(name) ?? version
      pinned.set(name, other)
      const what = `${name} ${version}: another workspace has ${other}; use one version`
      return other === version ? [] : [findingAt(file, line, what)]
    })
  })
}

/** Registry addresses in the lockfile: an installation must work from any mirror. */
export const registryAddresses = (file: SourceFile): ReadonlyArray<Finding> =>
  file.text.split("\n").flatMap((line, index) =>
    /"resolved": "https?:/.test(line)
      ? [findingAt(file, index + 1, "a registry address; install with the repository's .npmrc")]
      : []
  )

/** The folders in which Node looks for what `from` needs, nearest first. */
const homes = (from: string): ReadonlyArray<string> => {
  const last = from.lastIndexOf("/node_modules/")
  if (from === "") return ["node_modules"]
  return [`${from}/node_modules`, ...homes(last < 0 ? "" : from.slice(0, last))]
}

/** Optional packages without an entry, for which `npm ci` refuses the whole lockfile. */
export const incompleteLockfile = (file: SourceFile): ReadonlyArray<Finding> => {
  const { packages } = Schema.decodeUnknownSync(Lockfile)(file.text)
  return Object.entries(packages).flatMap(([from, { optionalDependencies }]) =>
    Object.keys(optionalDependencies).flatMap((name) => {
      if (homes(from).some((home) => `${home}/${name}` in packages)) return []
      const what = `${name} has no entry; run node scripts/complete-lockfile.mjs`
      return [findingAt(file, lineWith(file, `"${name}"`), what)]
    })
  )
}
