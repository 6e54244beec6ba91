/** A real Postgres server of the test's own, in a temporary folder, that can be stopped, killed and started again. */
import { afterAll, beforeAll } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import type { SqlClient } from "effect/sql"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Postgres from "../../src/layers/sql/Postgres.ts"

/** The folder of the newest installed server's programs, where Debian and its relatives have them. */
export const programs = ((): string | undefined => {
  try {
    const versions = readdirSync("/usr/lib/postgresql").map(Number).filter((version) => version >= 15)
    return versions.length === 0 ? undefined : `/usr/lib/postgresql/${Math.max(...versions)}/bin`
  } catch {
    return undefined
  }
})()

/** Postgres refuses to run as root: then it runs as the user of Debian's package. */
const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
  return { uid: idOf("-u"), gid: idOf("-g") }
}

/** How a server is made. */
export interface ServerOptions {
  /** Whether commits reach the disk: only for tests of durability, for its cost. */
  readonly fsync: boolean
  /** The server whose standby it becomes; without one it is empty. */
  readonly primary?: PostgresServer
}

/** A server that listens on a socket in its folder while it runs. */
export class PostgresServer {
  /** The folder of its data and of its socket. */
  readonly folder: string
  private readonly fsync: boolean
  private readonly owner = unprivileged()
  private child: ChildProcess | undefined
  private schemas = 0

  /** Makes its files. Texts are sorted by the rules of English, unless a column says otherwise. */
  constructor({ fsync, primary }: ServerOptions) {
    this.fsync = fsync
    this.folder = mkdtempSync(join(tmpdir(), "choir-pg-"))
    if (this.owner !== undefined) chownSync(this.folder, this.owner.uid, this.owner.gid)
    const data = ["-D", join(this.folder, "data"), "-U", "choir", "--no-sync"]
    const [program, ...args] = primary === undefined
      ? ["initdb", ...data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"]
      : ["pg_basebackup", ...data, "-h", primary.folder, "-R", "-c", "fast"]
    execFileSync(`${programs}/${program}`, args, { ...this.owner, cwd: this.folder, stdio: "ignore" })
  }

  /** The path of its socket. */
  get socket(): string {
    return `${this.folder}/.s.PGSQL.5432`
  }

  /** The address of its database, over its socket, or over a proxy such as `http://127.0.0.1:1234`. */
  url(parameters = "", proxy?: string): Redacted.Redacted {
    return Redacted.make(
      proxy === undefined
        ? `postgres://choir@localhost/postgres?host=${this.folder}&${parameters}`
        : `${proxy.replace("http://", "postgres://choir@")}/postgres?${parameters}`
    )
  }

  /** The address of a new schema in that database. */
  schemaUrl(proxy?: string): Effect.Effect<Redacted.Redacted> {
    const schema = `s${++this.schemas}`
    return Effect.as(this.query(`CREATE SCHEMA ${schema}`), this.url(`options=-csearch_path%3D${schema}`, proxy))
  }

  /** Runs a statement as an operator would, through the server's own client; returns its rows as text. */
  readonly query = (statement: string): Effect.Effect<string> =>
    Effect.sync(() =>
      execFileSync(
        `${programs}/psql`,
        ["-h", this.folder, "-U", "choir", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qtAc", statement],
        { encoding: "utf8" }
      ).trim()
    )

  /** Starts it, after a crash with its recovery; returns once it takes connections. */
  readonly start: Effect.Effect<void> = Effect.callback<void, string>((resume) => {
    const durability = this.fsync ? "on" : "off"
    const settings = {
      fsync: durability,
      full_page_writes: durability,
      listen_addresses: "",
      port: 5432,
      unix_socket_directories: this.folder,
      shared_buffers: "16MB",
      max_connections: 60,
      lc_messages: "C"
    }
    const child = spawn(
      `${programs}/postgres`,
      [
        "-D",
        join(this.folder, "data"),
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
      ],
      { ...this.owner, cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] }
    )
    this.child = child
    let log = ""
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString()
      if (/ready to accept (?:read-only )?connections/.test(log)) resume(Effect.void)
    })
    child.once("exit", () => resume(Effect.fail(`Postgres did not start: ${log}`)))
  }).pipe(
    // The last processes of a killed server may still be going.
    Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 40 }),
    Effect.orDie
  )

  /**
   * Ends it: `fast` as an operator does, `immediate` without a checkpoint, `kill` by SIGKILL to each of its processes at
   * once, as when the machine's power fails.
   */
  readonly stop = (mode: "fast" | "immediate" | "kill"): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const { child } = this
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
      if (mode !== "kill") return void child.kill(mode === "fast" ? "SIGINT" : "SIGQUIT")
      const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")
      for (const pid of [child.pid!, ...workers.map(Number)]) process.kill(pid, "SIGKILL")
    })

  /** Ends it and removes its folder. */
  readonly remove: Effect.Effect<void> = Effect.andThen(
    Effect.suspend(() => this.stop("immediate")),
    Effect.sync(() => rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 }))
  )
}

/** A server for the suite that this is called in: started before its first test, and removed after its last one. */
export const forSuite = (options: ServerOptions): { readonly server: () => PostgresServer } => {
  let server: PostgresServer | undefined
  beforeAll(() => Effect.runPromise(Effect.suspend(() => (server = new PostgresServer(options)).start)))
  afterAll(() => Effect.runPromise(server?.remove ?? Effect.void))
  return { server: () => server! }
}

/** A client of an empty schema on the server. */
export const clientLayer = (server: () => PostgresServer): Layer.Layer<SqlClient.SqlClient> =>
  Layer.unwrap(
    Effect.map(Effect.suspend(() => server().schemaUrl()), (url) => Postgres.layer({ url }))
  ).pipe(Layer.orDie)
