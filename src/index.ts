/** Choir as a library: the pure domain, the services' tags and types, and layers with open requirements. */
export * as Domain from "./domain/index.ts"
export * as Layers from "./layers/index.ts"
export * as Services from "./services/index.ts"
