/** Which engine serves, by one setting (SOC3). */
import type { Layer } from "effect"
import type { Socket, SocketError } from "../../services/Socket.ts"
import type { Settings } from "../Config.ts"
import type { HttpListener } from "../http/Server.ts"
import * as SocketIo from "./SocketIo.ts"
import * as Uws from "./Uws.ts"
import * as Ws from "./Ws.ts"

/** The engine of that name. Fails with what to install when its package is absent. */
export const layer = (
  choice: Settings["socket"],
  options: Uws.Options
): Layer.Layer<Socket, SocketError, HttpListener> => {
  switch (choice) {
    case "ws":
      return Ws.layer(options)
    case "uws":
      return Uws.layer(options)
    case "socketio":
      return SocketIo.layer(options)
  }
}
