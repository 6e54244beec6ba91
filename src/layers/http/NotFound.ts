/** What is answered to a request that no route matches: a page with a way home for browsers, a line for programs. */
import { Effect } from "effect"
import { type HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"

/** Without scripts and styles of its own: their names change with each build. */
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Not found · Choir</title>
  </head>
  <body>
    <h1>There is nothing at this address</h1>
    <p>It may be misspelt, or have moved. <a href="/">Go to your threads</a></p>
  </body>
</html>
`

const headers = { "cache-control": "no-store", vary: "accept" }

/** Answers a missing route; `hasPage` says whether there is a page to go to. */
export const answer = (hasPage: boolean) => (error: HttpServerError.HttpServerError) =>
  error.reason._tag === "RouteNotFound"
    ? Effect.map(
      HttpServerRequest.HttpServerRequest,
      (request) =>
        hasPage && (request.headers["accept"] ?? "").includes("text/html")
          ? HttpServerResponse.text(page, { status: 404, contentType: "text/html; charset=utf-8", headers })
          : HttpServerResponse.text("Not found\n", { status: 404, headers })
    )
    : Effect.fail(error)
