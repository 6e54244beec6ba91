/** A document beside Node's own globals, which the server needs: its file urls are not those of happy-dom. */
import { Window } from "happy-dom"

const window = new Window()
Object.assign(globalThis, { window, document: window.document })
