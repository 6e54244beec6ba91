import { Layer } from "effect"
import * as Sql from "../../../src/layers/eventlog/Sql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { suite } from "../../contract/EventLog.ts"

suite("SQLite", Sql.layer.pipe(Layer.provide(Sqlite.layer({ filename: ":memory:" }))))
