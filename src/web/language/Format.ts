/** Numbers, times, amounts and lists in the page's language. */

/** The formats of one language on one day. Times are milliseconds since the epoch. */
export interface Format {
  /** A number with the language's separators. */
  readonly number: (value: number) => string
  /** An amount of tokens, with the word. */
  readonly tokens: (count: number) => string
  /** An amount of money in millionths of a unit such as `USD`, to the hundredth of a cent. */
  readonly cost: (millionths: number, unit: string) => string
  /** A share in [0, 1] as a percentage. */
  readonly percent: (share: number) => string
  /** The time of day. */
  readonly timeOfDay: (at: number) => string
  /** The time of day today, the day in this year, otherwise the date: for lists. */
  readonly shortTime: (at: number) => string
  /** The weekday and the date, as a heading. */
  readonly day: (at: number) => string
  /** Date and time with seconds. */
  readonly fullTime: (at: number) => string
  /** A duration of milliseconds in its largest sensible unit. */
  readonly duration: (millis: number) => string
  /** The time from now on, in whole days, hours or minutes. */
  readonly remaining: (millis: number) => string
  /** Words with commas and an "and". */
  readonly list: (words: ReadonlyArray<string>) => string
}

/** Whether two times are on one day of this browser's calendar. */
export const isSameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString()

const isSameYear = (a: number, b: number): boolean => new Date(a).getFullYear() === new Date(b).getFullYear()

const words = {
  en: { token: "token", tokens: "tokens" },
  de: { token: "Token", tokens: "Token" }
} as const

const durationUnits = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]] as const

/** The formats for a language and a locale of it, such as `en-GB`. A time within `today` decides how much of a date is needed. */
export const makeFormat = (language: keyof typeof words, locale: string, today: number): Format => {
  const number = new Intl.NumberFormat(locale)
  const money = new Intl.NumberFormat(locale, { minimumFractionDigits: 4, maximumFractionDigits: 4 })
  const percent = new Intl.NumberFormat(locale, { style: "percent" })
  const unit = (unit: string, options: Intl.NumberFormatOptions = {}) =>
    new Intl.NumberFormat(locale, { style: "unit", unit, ...options })
  const decimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
  const long = durationUnits.map(([name, millis]) => [unit(name, { unitDisplay: "long" }), millis] as const)
  const date = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options)
  const timeOfDay = date({ timeStyle: "short" })
  const shortDay = date({ day: "numeric", month: "short" })
  const shortDate = date({ day: "numeric", month: "short", year: "numeric" })
  const weekday = date({ weekday: "long", day: "numeric", month: "long" })
  const weekdayAndYear = date({ weekday: "long", day: "numeric", month: "long", year: "numeric" })
  const fullTime = date({ dateStyle: "long", timeStyle: "medium" })
  const list = new Intl.ListFormat(locale, { type: "conjunction" })
  return {
    number: (value) => number.format(value),
    tokens: (count) => `${number.format(count)} ${count === 1 ? words[language].token : words[language].tokens}`,
    cost: (millionths, unit) => `${money.format(millionths / 1e6)} ${unit}`,
    percent: (share) => percent.format(share),
    timeOfDay: (at) => timeOfDay.format(at),
    shortTime: (at) => (isSameDay(at, today) ? timeOfDay : isSameYear(at, today) ? shortDay : shortDate).format(at),
    day: (at) => (isSameYear(at, today) ? weekday : weekdayAndYear).format(at),
    fullTime: (at) => fullTime.format(at),
    // The symbols of units are the same in every language.
    duration: (millis) => {
      if (millis < 1_000) return `${number.format(Math.round(millis))} ms`
      const seconds = millis / 1_000
      return `${millis < 9_950 ? decimal.format(seconds) : number.format(Math.round(seconds))} s`
    },
    remaining: (millis) => {
      const [unit, size] = long.find(([, size]) => millis >= size) ?? long.at(-1)!
      return unit.format(Math.max(1, Math.floor(millis / size)))
    },
    list: (words) => list.format(words)
  }
}
