/** `choir/client`: the client library, for browsers and Node. */
export * as Ids from "../domain/protocol/Ids.ts"
export * as Client from "./Client.ts"
export { ClientError, type ClientErrorReason } from "./ClientError.ts"
export * as ClientMachine from "./ClientMachine.ts"
export * as ClientModel from "./ClientModel.ts"
export * as Keys from "./Keys.ts"
export * as Replica from "./Replica.ts"
export * as SocketIoTransport from "./SocketIoTransport.ts"
