/** The words about keys: making one, keeping it, removing it. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of keys. */
export const identityMessages = defineMessages({
  en: {
    headline: "Ask your group’s own writing. See how the answer was made. Vote on what goes in.",
    whatIsAKey: "There is no account and no mail address: a key, which is made in this browser, is who you are. " +
      "Whoever has its secret can write as you, so keep a copy where only you can find it.",
    start: "Start",
    haveKey: "I have a key",
    secretLabel: "The secret of your key",
    secretHint: "It begins with choir_sk_ and stays in this browser.",
    useKey: "Use this key",
    yourKey: "Your key",
    publicKey: "Public key",
    publicKeyHint: "Others see you by it, and invite you by it.",
    secret: "Secret",
    secretKnown: "It can be copied until you close or reload this page.",
    secretUnknown: "It is stored in this browser, which can sign with it but not show it.",
    copy: "Copy",
    copyPublicKey: "Copy the public key",
    copySecret: "Copy the secret",
    copied: "Copied",
    removeKey: "Remove this key",
    removeHint: "Signs you out here and deletes the key from this browser, with your drafts.",
    removeQuestion: "Remove this key?",
    removeWarning: "Without a copy of its secret, nobody can ever write as this key again: its threads, votes and " +
      "tokens are out of reach.",
    keepKey: "Keep it",
    removing:
      "The key is removed when the server has ended its session. Remove it now, and the session ends as soon as " +
      "this page reaches the server.",
    removeNow: "Remove it now",
    saveTitle: "Save your key",
    saveText: "It exists only in this browser, and its secret cannot be shown again later.",
    show: "Show",
    hide: "Hide",
    done: "Done",
    balance: (tokens: string) => `You have ${tokens}.`
  },
  de: {
    headline: "Frag die Texte eurer Gruppe. Sieh, wie die Antwort entsteht. Stimm ab, was dazukommt.",
    whatIsAKey:
      "Du brauchst weder Konto noch Mailadresse: Ein Schlüssel, den dieser Browser erzeugt, weist dich aus. " +
      "Wer sein Geheimnis kennt, schreibt in deinem Namen; bewahre eine Kopie dort auf, wo nur du sie findest.",
    start: "Loslegen",
    haveKey: "Ich habe einen Schlüssel",
    secretLabel: "Das Geheimnis deines Schlüssels",
    secretHint: "Es beginnt mit choir_sk_ und bleibt in diesem Browser.",
    useKey: "Diesen Schlüssel verwenden",
    yourKey: "Dein Schlüssel",
    publicKey: "Öffentlicher Schlüssel",
    publicKeyHint: "Daran erkennen dich andere, und damit laden sie dich ein.",
    secret: "Geheimnis",
    secretKnown: "Du kannst es kopieren, bis du diese Seite schließt oder neu lädst.",
    secretUnknown: "Es liegt in diesem Browser. Er kann damit signieren, es aber nicht anzeigen.",
    copy: "Kopieren",
    copyPublicKey: "Den öffentlichen Schlüssel kopieren",
    copySecret: "Das Geheimnis kopieren",
    copied: "Kopiert",
    removeKey: "Diesen Schlüssel entfernen",
    removeHint: "Meldet dich hier ab und löscht den Schlüssel samt Entwürfen aus diesem Browser.",
    removeQuestion: "Diesen Schlüssel entfernen?",
    removeWarning: "Ohne eine Kopie seines Geheimnisses kann nie wieder jemand mit diesem Schlüssel schreiben: Seine " +
      "Threads, Stimmen und Token sind dann unerreichbar.",
    keepKey: "Behalten",
    removing:
      "Der Schlüssel wird entfernt, sobald der Server seine Sitzung beendet hat. Entfernst du ihn sofort, endet " +
      "die Sitzung, sobald diese Seite den Server erreicht.",
    removeNow: "Sofort entfernen",
    saveTitle: "Sichere deinen Schlüssel",
    saveText: "Es gibt ihn nur in diesem Browser, und sein Geheimnis lässt sich später nicht mehr anzeigen.",
    show: "Anzeigen",
    hide: "Ausblenden",
    done: "Fertig",
    balance: (tokens) => `Du hast ${tokens}.`
  }
})
