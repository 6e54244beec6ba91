/** The words of the settings. */
import { defineMessages } from "../language/Language.ts"

/** The catalogue of the settings. A language is named in itself, so that its readers find it. */
export const settingsMessages = defineMessages({
  en: {
    title: "Settings",
    description: "They apply to this browser only.",
    theme: "Theme",
    language: "Language",
    system: "Same as the device",
    light: "Light",
    dark: "Dark",
    english: "English",
    german: "Deutsch",
    sendKey: "Send with",
    enter: "Enter",
    enterHint: "Shift + Enter breaks the line. On a screen keyboard Enter breaks it, and the button sends.",
    ctrlEnter: (isMac: boolean) => `${isMac ? "⌘" : "Ctrl"} + Enter`,
    ctrlEnterHint: "Enter breaks the line."
  },
  de: {
    title: "Einstellungen",
    description: "Gelten nur in diesem Browser.",
    theme: "Design",
    language: "Sprache",
    system: "Wie das Gerät",
    light: "Hell",
    dark: "Dunkel",
    english: "English",
    german: "Deutsch",
    sendKey: "Senden mit",
    enter: "Enter",
    enterHint: "Umschalt + Enter bricht um. Auf einer Bildschirmtastatur bricht Enter um, und die Schaltfläche sendet.",
    ctrlEnter: (isMac: boolean) => `${isMac ? "⌘" : "Strg"} + Enter`,
    ctrlEnterHint: "Enter bricht um."
  }
})
