import * as Memory from "../../../src/layers/eventlog/Memory.ts"
import { suite } from "../../contract/EventLog.ts"

suite("Memory", Memory.layer)
