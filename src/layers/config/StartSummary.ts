/** The first words of a server in the terminal: what answers, where the data is, and what to do next. Pure, without secrets. */
import type { Settings } from "./Config.ts"

const defaultUrl = "http://127.0.0.1:4100"

const describeModel = ({ llmModel, llmUrl }: Settings): string =>
  llmUrl === null || llmModel === null
    ? "the offline model, which only quotes; CHOIR_LLM_URL sets another"
    : `${llmModel} at ${new URL(llmUrl).host}`

/** `folder` is the absolute path of the data folder, `cli` what starts the command line where this server was started. */
export const summarizeStart = (
  settings: Settings,
  { cli, folder, url }: { readonly url: string; readonly folder: string; readonly cli: string }
): string => {
  const address = url === defaultUrl ? "" : `CHOIR_URL=${url} `
  return [
    `Choir is listening on ${url}`,
    `  Answers  ${describeModel(settings)}`,
    `  Data     ${settings.postgresUrl === null ? folder : `Postgres; vectors in ${folder}`}`,
    `  Next     open the address, or import texts: ${address}${cli} import docs`,
    ""
  ].join("\n")
}
