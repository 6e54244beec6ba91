/** `choir erase`: the operator takes text back, through the socket in the data folder of a running server (TOP10, AUT8). */
import { Config, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { request } from "node:http"
import { userInfo } from "node:os"
import { join } from "node:path"
import { TopicId } from "../domain/protocol/Ids.ts"
import {
  EraseReply,
  EraseRequest,
  operatorFolder,
  OperatorRefusal,
  operatorSocketName
} from "../domain/protocol/Operator.ts"
import { CliError } from "./CliError.ts"
import { write } from "./Output.ts"

/** The answer of the server to a request through its socket. */
const ask = (socketPath: string, body: EraseRequest): Effect.Effect<{ status: number; text: string }, CliError> =>
  Effect.callback((resume) => {
    const headers = { "content-type": "application/json" }
    const outgoing = request({ socketPath, path: "/erase", method: "POST", headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (piece: string) => void (text += piece)).on(
        "end",
        () => resume(Effect.succeed({ status: response.statusCode ?? 0, text }))
      )
    })
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.fail(
        new CliError({
          message: error.code === "EACCES"
            ? `Only the user who runs the server may use ${socketPath}: run this command as that user.`
            : `No server runs on this data folder (${socketPath}). Start it, or name another folder with --data.`
        })
      )))
    outgoing.end(JSON.stringify(body))
    return Effect.sync(() => outgoing.destroy())
  })

const topicArgument = Argument.String("topic").pipe(Argument.withDescription("The topic, such as thread:…"))
const seqArgument = Argument.Int("seq").pipe(Argument.withDescription("The number of the event that holds the text"))
const reasonFlag = Flag.String("reason").pipe(
  Flag.withSchema(EraseRequest.fields.reason),
  Flag.withDescription("Why, for all who read the topic; can be erased as well")
)
const pathFlag = Flag.String("path").pipe(
  Flag.withDescription("A JSON Pointer to one text of the event, such as /content; without it, all texts"),
  Flag.atLeast(0)
)
const dataFlag = Flag.String("data").pipe(
  Flag.withDescription("The server's data folder; by default CHOIR_DATA"),
  Flag.optional
)

/** The operator's name, as far as it can stand in a log. */
const operatorName = (): string => userInfo().username.replaceAll(/[^A-Za-z0-9._-]/gu, "-").slice(0, 64) || "operator"

/** The command `choir erase`. */
export const erase = Command.make(
  "erase",
  { topic: topicArgument, seq: seqArgument, reason: reasonFlag, paths: pathFlag, data: dataFlag },
  Effect.fnUntraced(function*({ data, paths, reason, seq, topic }) {
    const configured = yield* Config.String("CHOIR_DATA").pipe(Config.withDefault("./data"))
    const id = yield* Effect.mapError(
      Schema.decodeUnknownEffect(TopicId)(topic),
      () => new CliError({ message: `${JSON.stringify(topic)} is no topic: topics are called thread:…, room:…` })
    )
    const folder = Option.getOrElse(data, () => configured)
    const { status, text } = yield* ask(join(folder, operatorFolder, operatorSocketName), {
      operator: operatorName(),
      topic: id,
      seq,
      reason,
      ...(paths.length === 0 ? undefined : { paths })
    })
    if (status !== 200) {
      const refusal = Schema.decodeUnknownOption(Schema.fromJsonString(OperatorRefusal))(text)
      const message = Option.match(refusal, { onNone: () => `the server answered ${status}`, onSome: (r) => r.message })
      return yield* new CliError({ message: `Nothing was erased: ${message}.` })
    }
    const reply = Schema.decodeSync(Schema.fromJsonString(EraseReply))(text)
    yield* write(`Erased. The event ${reply.seq} of ${id} says so.\n`)
  })
).pipe(
  Command.withDescription(
    "Erase text of anybody from a topic, through the server that runs on a data folder. It cannot be restored. What repeats "
      + "the text goes too, and an event says who erased what, when and why. Names of topics and keys of a room's entries "
      + "are addresses, and stay."
  ),
  Command.withShortDescription(
    "Erase text of anybody from a topic, as the operator of the server; it cannot be restored."
  ),
  Command.withExamples([
    { command: "choir erase thread:ID 17 --reason \"a home address\"", description: "Erase all texts of event 17" }
  ])
)
