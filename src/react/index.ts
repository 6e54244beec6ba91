/** `choir/react`: the client library as React hooks. */
export { ChoirProvider, useClient } from "./ClientContext.ts"
export { useClientState, usePhase } from "./useClientState.ts"
export { type CommandSender, useCommand } from "./useCommand.ts"
export { useHistory } from "./useHistory.ts"
export { type ClientOptions, useOpenClient } from "./useOpenClient.ts"
export { type OutboxCommand, useOutbox } from "./useOutbox.ts"
export { type PresentUser, usePresence, useSignals } from "./usePresence.ts"
export { useTopic, useView } from "./useTopic.ts"
