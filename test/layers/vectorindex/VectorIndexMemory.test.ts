import { layer } from "@effect/vitest"
import * as VectorIndexMemory from "../../../src/layers/vectorindex/VectorIndexMemory.ts"
import { vectorIndexContract } from "../../contract/VectorIndex.ts"

layer(VectorIndexMemory.layer)("VectorIndex in memory", (it) => vectorIndexContract(it, { runs: 50 }))
