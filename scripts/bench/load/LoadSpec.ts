/** What the load generator is asked to do, and what it says about it; both go from process to process as JSON. */
import type * as WireAdapters from "./WireAdapters.ts"

/** The server under load. */
export interface ServerTarget {
  readonly adapter: WireAdapters.WireAdapterName
  readonly port: number
  readonly pid: number
}

/** Milliseconds: not measured, then measured. */
export interface MeasurementWindow {
  readonly warmup: number
  readonly measure: number
}

export type Load =
  /** Members of rooms send; every member hears it. */
  | {
    readonly kind: "publish"
    readonly rooms: number
    readonly members: number
    /** One member of each room sends and waits until all have heard it, or each sends when it has heard its own. */
    readonly publishers: "one" | "all"
    /** Messages sent at once. */
    readonly burst: number
    /** Signals are ephemeral; servers of comparison know nothing else. */
    readonly what: "signal" | "thread"
    /** Bursts a second in all, whatever has been heard; 0: the next when the last was heard. */
    readonly rate: number
    /** How many of each room's members do not read. */
    readonly stalled: number
    /** Characters of text in a message; its envelope comes to some 250 more. */
    readonly text: number
  }
  | { readonly kind: "request"; readonly connections: number; readonly rate: number }
  | { readonly kind: "idle"; readonly connections: number }
  | { readonly kind: "churn"; readonly concurrency: number }
  | { readonly kind: "commands"; readonly connections: number; readonly inFlight: number }
  | { readonly kind: "recover"; readonly clients: number; readonly missed: number }
  | {
    readonly kind: "crowd"
    /** A server that the crowd leaves alone, on the same machine. */
    readonly spared: ServerTarget
    /** What healthy members of both do; measured alone first, then in the crowd. */
    readonly healthy: Extract<Load, { readonly kind: "publish" }>
    readonly mob: Extract<Load, { readonly kind: "mob" }>
    /** Milliseconds that the crowd is measured for. */
    readonly lasting: number
  }
  | {
    readonly kind: "mob"
    /** Signed in, and idle. */
    readonly idle: number
    /** Connected, and say nothing. */
    readonly silent: number
    /** Send a byte a second. */
    readonly dribbling: number
    /** Messages a second from one user. */
    readonly flood: number
    /** People a second who come and go. */
    readonly churn: number
  }

/** A scenario's load: what the runner knows is not in it. */
export type ScenarioLoad =
  | Exclude<Load, { readonly kind: "crowd" }>
  | Omit<Extract<Load, { readonly kind: "crowd" }>, "spared">

export interface LoadSpec {
  readonly target: ServerTarget
  readonly load: Load
  readonly window: MeasurementWindow
}

/** Names are units: `µs/delivery`. */
export type LoadResult = Readonly<Record<string, number>>
