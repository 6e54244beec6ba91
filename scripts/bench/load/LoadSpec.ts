/** The load generator's input and output, passed between processes as JSON. */
import type * as WireAdapters from "./WireAdapters.ts"

/** The server under load. */
export interface ServerTarget {
  readonly adapter: WireAdapters.WireAdapterName
  readonly port: number
  readonly pid: number
}

/** Durations in milliseconds: a warm-up that is not measured, then the measurement. */
export interface MeasurementWindow {
  readonly warmup: number
  readonly measure: number
}

/** One kind of load. */
export type Load =
  /** Members of rooms send; every member receives it. */
  | {
    readonly kind: "publish"
    readonly rooms: number
    readonly members: number
    /**
     * In a closed loop: one member per room sends when all have received its last burst, or all do when they received
     * their own.
     */
    readonly publishers: "one" | "all"
    /** Messages per burst. */
    readonly burst: number
    /** Ephemeral signals or durable messages of a thread; other servers have signals only. */
    readonly what: "signal" | "thread"
    /** Open loop: bursts per second over all rooms. 0: closed loop. */
    readonly rate: number
    /** Members per room that do not read. */
    readonly stalled: number
    /** Characters of text per message; the envelope adds about 250. */
    readonly text: number
  }
  | { readonly kind: "request"; readonly connections: number; readonly rate: number }
  | { readonly kind: "idle"; readonly connections: number }
  | { readonly kind: "churn"; readonly concurrency: number }
  | { readonly kind: "commands"; readonly connections: number; readonly inFlight: number }
  | { readonly kind: "recover"; readonly clients: number; readonly missed: number }
  | {
    readonly kind: "noisy-neighbours"
    /** The control: a second server on the same machine without abusive clients. */
    readonly spared: ServerTarget
    /** The load of healthy clients on both servers; measured alone first, then under abuse. */
    readonly healthy: Extract<Load, { readonly kind: "publish" }>
    readonly abuse: Extract<Load, { readonly kind: "abuse" }>
    /** Milliseconds for which abuse is measured. */
    readonly duration: number
  }
  | {
    readonly kind: "abuse"
    /** Signed-in, idle connections. */
    readonly idle: number
    /** Connections that send nothing. */
    readonly silent: number
    /** HTTP requests sent at one byte per second. */
    readonly slowloris: number
    /** Messages per second by one user. */
    readonly flood: number
    /** Connections of one user that read a thread of 5 MB again and again. */
    readonly readers: number
    /** Visits per second: connect, resume, disconnect. */
    readonly churn: number
  }

/** A load without the fields that the runner fills in. */
export type ScenarioLoad =
  | Exclude<Load, { readonly kind: "noisy-neighbours" }>
  | Omit<Extract<Load, { readonly kind: "noisy-neighbours" }>, "spared">

/** One job of the load generator. */
export interface LoadSpec {
  readonly target: ServerTarget
  readonly load: Load
  readonly window: MeasurementWindow
}

/** Values by name; the name contains the unit: `µs/delivery`. */
export type LoadResult = Readonly<Record<string, number>>
