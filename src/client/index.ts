/** `choir/client`: the client library, for browsers and Node. */
export * as Ids from "../domain/Ids.ts"
export * as Client from "./Client.ts"
export { ClientError, type Fault } from "./Fault.ts"
export * as Keys from "./Keys.ts"
export * as Machine from "./Machine.ts"
export * as Model from "./Model.ts"
export * as Replica from "./Replica.ts"
export * as SocketIo from "./SocketIo.ts"
