/** What votes say: on submissions and on invitations. A name that is undefined is the reader's own. */
import type { PlainSubmission, VoteChoice } from "../../domain/thread/ThreadModel.ts"
import { defineMessages } from "../language/Language.ts"
import type { PossibleEnd } from "./stakeEnds.ts"

type StatusTexts = { readonly [S in PlainSubmission["status"]]: string }
type ChoiceTexts = { readonly [C in VoteChoice]: string }
type EndTexts = { readonly [O in PossibleEnd["outcome"]]: string }
type Name = string | undefined

const status: { readonly en: StatusTexts; readonly de: StatusTexts } = {
  en: { pending: "Open", approved: "Approved", rejected: "Denied", expired: "Expired", cancelled: "Withdrawn" },
  de: {
    pending: "Offen",
    approved: "Angenommen",
    rejected: "Abgelehnt",
    expired: "Abgelaufen",
    cancelled: "Zurückgezogen"
  }
}

const choice: { readonly en: ChoiceTexts; readonly de: ChoiceTexts } = {
  en: { approve: "Approve", deny: "Deny" },
  de: { approve: "Zustimmen", deny: "Ablehnen" }
}

const condition: { readonly en: EndTexts; readonly de: EndTexts } = {
  en: {
    approved: "If all approve",
    denied: "If all deny",
    split: "If votes differ"
  },
  de: {
    approved: "Stimmen alle zu",
    denied: "Lehnen alle ab",
    split: "Bei geteilten Stimmen"
  }
}

/** The catalogue of votes. */
export const approvalMessages = defineMessages({
  en: {
    status: status.en,
    choice: choice.en,
    condition: condition.en,
    submission: (name: Name) => name === undefined ? "Your submission" : `Submission by ${name}`,
    invitation: (name: Name) => name === undefined ? "Your invitation" : `Invitation by ${name}`,
    asksToJoin: (isMe: boolean): string => isMe ? "ask to join" : "asks to join",
    invites: (isMe: boolean): string => isMe ? "invite somebody" : "invites somebody",
    invited: "Would become a co-author:",
    closesIn: (time: string) => `closes in ${time}`,
    closing: "closing",
    atStake: (tokens: string) => `${tokens} at stake`,
    votes: "Votes",
    voted: (count: number, all: number) => `${count} of ${all} voted`,
    approves: (name: Name) => name === undefined ? "you approve" : `${name} approves`,
    denies: (name: Name) => name === undefined ? "you deny" : `${name} denies`,
    hasNotVoted: (name: Name) => name === undefined ? "you have not voted" : `${name} has not voted`,
    question: (choice: string) => `${choice}?`,
    final: "A vote is final.",
    notYet: "Not yet",
    decides: "Your vote decides",
    otherwise: "Otherwise",
    ends: "What the vote can lead to",
    joins: (name: Name) => name === undefined ? "you join" : `${name} joins`,
    staysOut: (name: Name) => name === undefined ? "you do not join" : `${name} does not join`,
    notPublished: "not published",
    stakeIsSplit: "the stake is split between the thread and the treasury",
    toEachApprover: (tokens: string) => `${tokens} to each who approves`,
    toVoters: (tokens: string, names: string, isOne: boolean) =>
      isOne ? `${tokens} to ${names}` : `${tokens} each to ${names}`,
    toThread: (tokens: string) => `${tokens} to the thread`,
    toTreasury: (tokens: string) => `${tokens} to the treasury`,
    back: (tokens: string, name: Name) => `${tokens} back to ${name ?? "you"}`,
    you: "you",
    withdraw: "Withdraw",
    withdrawQuestion: "Withdraw this submission?",
    withdrawEffect: (back: string) => `The vote ends, and the text is not published. ${back}.`,
    keepIt: "Keep it",
    showText: "Show the text",
    hideText: "Hide the text"
  },
  de: {
    status: status.de,
    choice: choice.de,
    condition: condition.de,
    submission: (name: Name) => name === undefined ? "Deine Einreichung" : `Einreichung von ${name}`,
    invitation: (name: Name) => name === undefined ? "Deine Einladung" : `Einladung von ${name}`,
    asksToJoin: (isMe: boolean): string => isMe ? "möchtest mitschreiben" : "möchte mitschreiben",
    invites: (isMe: boolean): string => isMe ? "lädst jemanden ein" : "lädt jemanden ein",
    invited: "Würde mitschreiben:",
    closesIn: (time: string) => `noch ${time}`,
    closing: "endet gleich",
    atStake: (tokens: string) => `${tokens} Einsatz`,
    votes: "Stimmen",
    voted: (count: number, all: number) => `${count} von ${all} ${count === 1 ? "hat" : "haben"} abgestimmt`,
    approves: (name: Name) => name === undefined ? "du stimmst zu" : `${name} stimmt zu`,
    denies: (name: Name) => name === undefined ? "du lehnst ab" : `${name} lehnt ab`,
    hasNotVoted: (name: Name) =>
      name === undefined ? "du hast noch nicht abgestimmt" : `${name} hat noch nicht abgestimmt`,
    question: (choice: string) => `${choice}?`,
    final: "Eine Stimme ist endgültig.",
    notYet: "Noch nicht",
    decides: "Deine Stimme entscheidet",
    otherwise: "Sonst",
    ends: "Mögliche Ergebnisse der Abstimmung",
    joins: (name: Name) => name === undefined ? "du schreibst mit" : `${name} schreibt mit`,
    staysOut: (name: Name) => name === undefined ? "du schreibst nicht mit" : `${name} schreibt nicht mit`,
    notPublished: "nicht veröffentlicht",
    stakeIsSplit: "der Einsatz wird zwischen Thread und Kasse geteilt",
    toEachApprover: (tokens: string) => `je ${tokens} an alle, die zustimmen`,
    toVoters: (tokens: string, names: string, isOne: boolean) =>
      isOne ? `${tokens} an ${names}` : `je ${tokens} an ${names}`,
    toThread: (tokens: string) => `${tokens} an den Thread`,
    toTreasury: (tokens: string) => `${tokens} an die Kasse`,
    back: (tokens: string, name: Name) => `${tokens} zurück an ${name ?? "dich"}`,
    you: "dich",
    withdraw: "Zurückziehen",
    withdrawQuestion: "Diese Einreichung zurückziehen?",
    withdrawEffect: (back: string) => `Die Abstimmung endet, der Text wird nicht veröffentlicht. ${back}.`,
    keepIt: "Behalten",
    showText: "Text anzeigen",
    hideText: "Text ausblenden"
  }
})
