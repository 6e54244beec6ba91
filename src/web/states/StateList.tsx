/** The list of all states, to choose one by hand. */
import type { ReactNode } from "react"

const variants = [["light", ""], ["dark", "&theme=dark"], ["German", "&language=de"], [
  "right-to-left",
  "&dir=rtl"
]] as const

/** Links to the states and their variants. */
export const StateList = ({ names }: { readonly names: ReadonlyArray<string> }): ReactNode => (
  <main>
    <h1>States</h1>
    <ul>
      {names.map((name) => (
        <li key={name}>
          {name}: {variants.map(([label, parameters]) => (
            <span key={label}>
              <a href={`?state=${name}${parameters}`}>{label}</a>
              {" "}
            </span>
          ))}
        </li>
      ))}
    </ul>
  </main>
)
