/** The package as a program has it that installs it: the packed files, and what npm installs with them. */
import { Effect, type Scope } from "effect"
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { repositoryRoot, temporaryFolder } from "./ServerProcess.ts"
import { run } from "./Snippets.ts"

/** As much of a manifest as is read. */
export interface Manifest {
  readonly name: string
  readonly bin?: string | Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** A folder with the package installed. */
export interface InstalledPackage {
  readonly folder: string
  /** The paths of the packed files. */
  readonly files: ReadonlyArray<string>
  /** The manifests of all installed packages, by name. */
  readonly manifests: ReadonlyMap<string, Manifest>
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest

/** What npm installs for a package: its dependencies, and those of its peers that are not optional. */
const requirementsOf = ({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Manifest) => [
  ...Object.keys({ ...dependencies, ...optionalDependencies }),
  ...Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true)
]

/**
 * Packs the built package and installs it into a temporary folder as npm does, but takes other packages from this
 * checkout, so that no registry is needed. `@types/node` and `react` are there too.
 */
export const installPackage: Effect.Effect<InstalledPackage, never, Scope.Scope> = Effect.gen(function*() {
  const folder = yield* temporaryFolder
  const modules = join(folder, "node_modules")
  mkdirSync(modules)
  const packed = JSON.parse(
    yield* run("npm", ["pack", "--ignore-scripts", "--json", "--silent", "--pack-destination", folder])
  ) as ReadonlyArray<{ readonly filename: string; readonly files: ReadonlyArray<{ readonly path: string }> }>
  yield* run("tar", ["-xzf", join(folder, packed[0]!.filename), "-C", folder])
  renameSync(join(folder, "package"), join(modules, "choir"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))

  const manifests = new Map([["choir", readManifest(join(modules, "choir"))]])
  const missing = [...requirementsOf(manifests.get("choir")!), "@types/node", "react"]
  for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
    if (manifests.has(name)) continue
    const source = join(repositoryRoot, "node_modules", name)
    const manifest = readManifest(source)
    manifests.set(name, manifest)
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(source, join(modules, name))
    missing.push(...requirementsOf(manifest))
  }
  return { folder, files: packed[0]!.files.map(({ path }) => path), manifests }
})
