/** The six steps as joined dots: how far a pass has come. */
import type { ReactNode } from "react"
import { steps } from "../../domain/chorus/ChorusModel.ts"
import style from "./StepDots.module.css"

/** The dots of a pass, the first `done` of them filled. They say nothing that the words beside them do not. */
export const StepDots = ({ done }: { readonly done: number }): ReactNode => (
  <span className={style.dots} aria-hidden="true">
    {steps.map((step, index) => <i key={step} data-done={index < done || undefined} />)}
  </span>
)
