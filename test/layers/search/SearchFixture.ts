/** Storage for the tests of search: a database over an index and an embedder that fail on demand, and empty logs. */
import { Layer } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as DatabaseLive from "../../../src/layers/search/DatabaseLive.ts"
import { PriorsCollection } from "../../../src/services/Database.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import * as FakeEmbedder from "../../../src/testing/FakeEmbedder.ts"
import * as FaultyIndex from "../../support/FaultyIndex.ts"

/** The name of the collection of priors. */
export const collection = "priors-test"

/** The layer `database` with all that it stands on, and the controls of its index and embedder. */
export const make = () => {
  const index = FaultyIndex.make()
  const embedder = FakeEmbedder.make()
  const database = DatabaseLive.layer.pipe(Layer.provideMerge(Layer.mergeAll(
    index.layer,
    embedder.layer,
    EventLogMemory.layer,
    Layer.succeed(Kinds, builtInKinds),
    Layer.succeed(PriorsCollection, { name: collection, dimension: FakeEmbedder.dimensions, embedModel: "test/words" })
  )))
  return { database, embedder: embedder.control, index: index.control }
}
