/** The address of a Qdrant server. Names no type of its client, which is an optional package. */
import type { Redacted } from "effect"

/** Where the server is, and how long to wait for it. */
export interface QdrantServer {
  /** `http://host:6333` or `https://host/prefix`. Without a port: 6333, and 443 for https. */
  readonly url: string
  readonly apiKey?: Redacted.Redacted | undefined
  /** The time limit of a call, in milliseconds. */
  readonly timeout: number
}
