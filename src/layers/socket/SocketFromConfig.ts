/** The choice of the engine by one setting, `CHOIR_SOCKET` (SOC3). */
import type { Layer } from "effect"
import type { Socket, SocketError } from "../../services/Socket.ts"
import type { Settings } from "../config/Config.ts"
import type { HttpListener } from "../net/HttpListener.ts"
import * as SocketIo from "./socketio/SocketIo.ts"
import * as SocketUws from "./uws/SocketUws.ts"
import * as SocketWs from "./ws/SocketWs.ts"

/** The engine of this name. Fails with the command to install its package if that is missing. */
export const layer = (
  engineName: Settings["socket"],
  options: SocketUws.UwsOptions
): Layer.Layer<Socket, SocketError, HttpListener> => {
  switch (engineName) {
    case "ws":
      return SocketWs.layer(options)
    case "uws":
      return SocketUws.layer(options)
    case "socketio":
      return SocketIo.layer(options)
  }
}
