/** Sends what was written before, as soon as what sends it is loaded. */
import type { Client } from "../../client/Client.ts"

/** Sends the saved commands of the client's user. Without a network the code may be missing, as the server is then. */
export const retrySaved = (client: Client): void =>
  void import("../composer/sending.ts").then(({ retryPending }) => retryPending(client), () => {})
