import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { suite } from "../../contract/EventLog.ts"

suite("Memory", EventLogMemory.layer)
