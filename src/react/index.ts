/** `choir/react`: the client library as React hooks. */
export { ChoirProvider, useClient } from "./ClientContext.ts"
export { useClientState } from "./useClientState.ts"
export { useTopic, useView } from "./useTopic.ts"
