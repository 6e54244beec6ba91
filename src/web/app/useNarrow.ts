/** Whether the page has one column. */
import { useMediaQuery } from "../design/useMediaQuery.ts"

/** True below 720 px, where the list of threads is a page of its own. */
export const useNarrow = (): boolean => useMediaQuery("(max-width: 719px)")
