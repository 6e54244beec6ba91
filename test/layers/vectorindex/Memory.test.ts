import { layer } from "@effect/vitest"
import * as Memory from "../../../src/layers/vectorindex/Memory.ts"
import { contract } from "../../contract/VectorIndex.ts"

layer(Memory.layer)("VectorIndex in memory", (it) => contract(it, { runs: 50 }))
