/**
 * Completes package-lock.json: `npm ci` refuses a lockfile in which an optional dependency has no
 * entry, and `npm install` leaves those out that the registry in use does not serve (binaries for
 * other systems, mostly). Each is entered with its exact version and the system that its name tells,
 * without an integrity: npm adds it where the package is installed. Run after `npm install`.
 */
import { readFileSync, writeFileSync } from "node:fs"

const path = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(path, "utf8"))

/** Where Node would find `name` from the package at `from`, or undefined. */
const locate = (from, name) => {
  for (let folder = from;;) {
    const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (place in lock.packages) return place
    if (folder === "") return undefined
    folder = folder.includes("/node_modules/")
      ? folder.slice(0, folder.lastIndexOf("/node_modules/"))
      : ""
  }
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd"]
  .concat(["openharmony", "sunos", "win32"])
const processors = ["arm64", "arm", "x64", "ia32", "loong64", "mips64el", "ppc64", "riscv64"]
  .concat(["s390x"])

/** The words of a binary's name as the fields by which npm decides whether it fits this system. */
const systemOf = (name) => {
  const words = name.slice(name.lastIndexOf("/") + 1).split("-")
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  if (os.length !== 1 || cpu.length !== 1) {
    throw new Error(`${name}: its name does not tell its system; add it to package-lock.json`)
  }
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word.startsWith("gnu") || word === "glibc")
    ? ["glibc"]
    : undefined
  return { cpu, ...(os[0] === "linux" && libc !== undefined ? { libc } : {}), optional: true, os }
}

const added = []
for (const [from, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (locate(from, name) !== undefined) continue
    if (!/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(`${from} wants ${name}@${version}: not one version; add it by hand`)
    }
    const dev = entry.dev === true ? { dev: true } : {}
    lock.packages[`node_modules/${name}`] = { version, ...dev, ...systemOf(name) }
    added.push(`${name}@${version}`)
  }
}

const order = ([a], [b]) => a.localeCompare(b, "en")
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(order))
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(added.length === 0 ? "package-lock.json is complete" : `entered ${added.join(", ")}`)
