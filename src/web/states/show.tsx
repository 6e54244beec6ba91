/**
 * Shows the state that the address names: `?state=thread&theme=dark&language=de&dir=rtl`, and without a name the list of
 * all. `showState` and `showTheme` do the same without a reload, for what looks at many.
 */
import { createRoot } from "react-dom/client"
import "../design/base.css"
import "../design/tokens.css"
import { lazyParts, onboardingPart } from "../app/parts.ts"
import type { Language } from "../language/Language.ts"
import { stopClock } from "./fixtureTime.ts"
import { State } from "./State.tsx"
import { StateList } from "./StateList.tsx"
import { states } from "./states.ts"
import { settle } from "./userActions.ts"

const asked: { readonly [name: string]: string | undefined } = Object.fromEntries(new URLSearchParams(location.search))
const isLanguage = (text: string | undefined): text is Language => text === "en" || text === "de"
const isTheme = (text: string | undefined): text is "light" | "dark" => text === "light" || text === "dark"

const root = createRoot(document.getElementById("root")!)
let shown = 0

/** Shows the theme of what is shown. */
const showTheme = (theme: "light" | "dark"): void => {
  document.documentElement.dataset["theme"] = theme
}

/** Shows a state, and resolves when it stands still. */
const showState = async (name: string): Promise<void> => {
  root.render(null)
  localStorage.clear()
  stopClock()
  const state = states[name]!()
  document.title = name
  const language = isLanguage(asked["language"]) ? asked["language"] : state.language ?? "en"
  document.documentElement.lang = language
  document.documentElement.dir = asked["dir"] ?? state.direction ?? "ltr"
  // The page is told by the address, without the event: it reads it when it is made.
  history.replaceState(null, "", state.open === undefined ? "#" : `#${state.open}`)
  root.render(<State key={++shown} state={state} language={language} />)
  await settle(state.until)
  await state.act?.()
}

const start = async (): Promise<void> => {
  if (isTheme(asked["theme"])) showTheme(asked["theme"])
  // Nothing loads while a state is looked at.
  await Promise.all([...lazyParts, onboardingPart].map(({ preload }) => preload()))
  const name = asked["state"]
  if (name === undefined) root.render(<StateList names={Object.keys(states)} />)
  else await showState(name)
  Object.assign(window, { showState, showTheme, settle, stateNames: Object.keys(states) })
}

void start()
