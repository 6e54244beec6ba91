/** The end of a vote in words: who joins, and where the stake goes. */
import type { StakeShare } from "../../domain/approval/Approval.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useFormat, useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { approvalMessages } from "./ApprovalMessages.ts"
import type { PossibleEnd } from "./stakeEnds.ts"

type Parties = Pick<PlainSubmission, "author" | "owner" | "votes">

/** Describes ends of the vote on a submission. What has happened names the people; what may happen says "each who approves". */
export const useEndText = ({ author, owner, votes }: Parties) => {
  const { me } = useClient()
  const format = useFormat()
  const messages = useMessages(approvalMessages)
  const nameUnlessMe = (user: UserId) => user === me ? undefined : shortKey(user)
  const voterName = (voter: string) => {
    const vote = votes.find((vote) => vote.voter === voter)
    return vote === undefined ? voter : nameUnlessMe(vote.owner ?? vote.voter) ?? messages.you
  }
  const stakeText = (shares: ReadonlyArray<StakeShare>, hasHappened: boolean): ReadonlyArray<string> => {
    const voters = shares.flatMap(({ to }) => to._tag === "Voter" ? [to.voter] : [])
    const voterAmount = shares.find(({ to }) => to._tag === "Voter")?.amount ?? 0
    const others = shares.flatMap(({ amount, to }) => {
      const tokens = format.tokens(amount)
      switch (to._tag) {
        case "Author":
          return [messages.back(tokens, nameUnlessMe(owner ?? author))]
        case "Commons":
          return [messages.toThread(tokens)]
        case "Treasury":
          return [messages.toTreasury(tokens)]
        case "Voter":
          return []
      }
    })
    if (voters.length === 0) return others
    const tokens = format.tokens(voterAmount)
    const names = format.list(voters.map(voterName))
    return [
      hasHappened ? messages.toVoters(tokens, names, voters.length === 1) : messages.toEachApprover(tokens),
      ...others
    ]
  }
  return {
    /** Where the stake went. */
    settled: (shares: ReadonlyArray<StakeShare>): string => stakeText(shares, true).join(", "),
    /** What follows from an end that is still to come. */
    possible: ({ outcome, shares }: PossibleEnd): string =>
      [
        outcome === "approved" ? messages.joins(nameUnlessMe(author)) : messages.notPublished,
        ...(shares === undefined ? [messages.stakeIsSplit] : stakeText(shares, false))
      ].join(", ")
  }
}
