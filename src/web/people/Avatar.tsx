/** The avatar of a key: a drawing by which two users can be told apart at a glance. */
import { memo, type ReactNode } from "react"
import { type Author, isUser } from "../../domain/protocol/Ids.ts"
import style from "./Avatar.module.css"
import { avatarShapes } from "./AvatarShapes.ts"

const Drawing = ({ author }: { readonly author: Author }): ReactNode => {
  const { ground, shapes } = avatarShapes(author)
  return (
    <>
      <path d="M0 0h32v32H0z" fill={ground} />
      {shapes.map(({ fill, path, turn, x, y }) => (
        <path key={`${x} ${y}`} d={path} fill={fill} transform={`translate(${x} ${y}) rotate(${turn} 8 8)`} />
      ))}
    </>
  )
}

/** Choir itself: three voices. */
const Mark = (): ReactNode => (
  <>
    <path className={style.markGround} d="M0 0h32v32H0z" />
    <path className={style.markVoices} d="M9 13v6M16 8v16M23 11v10" />
  </>
)

/** Round for a person, square for an agent; 16, 24 or 32 px. It stands beside a name, so it has none itself. */
export const Avatar = memo(({ author, isAgent = false, size = "m" }: {
  readonly author: Author
  readonly isAgent?: boolean | undefined
  readonly size?: "xs" | "s" | "m" | undefined
}): ReactNode => {
  const isChoir = !isUser(author)
  return (
    <svg
      className={`${style.avatar} ${style[size]} ${isAgent || isChoir ? style.square : ""}`}
      viewBox="0 0 32 32"
      aria-hidden="true"
    >
      {isChoir ? <Mark /> : <Drawing author={author} />}
    </svg>
  )
})
