// How numbers are written in reports. A number that is missing or not finite is a dash, never "NaN".

/** A number of a run record; JSON turns NaN into null. */
export type Maybe = number | null | undefined

const DASH = '–'
const NARROW_SPACE = '\u202F'
const MINUS = '\u2212'

const isNumber = (value: Maybe): value is number => Number.isFinite(value)

const fixed = (value: number, digits: number): string =>
  value
    .toFixed(digits)
    .replace(/^-(?=.*[1-9])/, MINUS)
    .replace(/^-/, '')

/** 0.9312 -> "93.1 %" */
export const percent = (value: Maybe, digits = 1): string =>
  isNumber(value) ? `${fixed(100 * value, digits)}${NARROW_SPACE}%` : DASH

/** Labels of an axis of accuracies over `domain`, with the digits that tell its ticks apart. */
export function percentTick([low, high]: readonly [number, number]): (value: number) => string {
  const digits = high - low < 0.004 ? 2 : high - low < 0.04 ? 1 : 0
  return (value) => percent(value, digits)
}

/** Labels of an axis of losses from 0 to `high`. */
export const decimalTick =
  (high: number): ((value: number) => string) =>
  (value) =>
    decimal(value, high < 0.05 ? 4 : high < 0.5 ? 3 : 2)

/** 0.0512 -> "5.1", in percentage points. */
export const points = (value: Maybe): string => (isNumber(value) ? fixed(100 * value, 1) : DASH)

/** 0.0512 -> "+5.1" */
export const signedPoints = (value: Maybe): string =>
  isNumber(value) && value >= 0.0005 ? `+${points(value)}` : points(value)

/** "91.2 to 94.0 %" */
export const percentRange = (low: Maybe, high: Maybe): string =>
  isNumber(low) && isNumber(high) ? `${points(low)} to ${percent(high)}` : DASH

/** 0.2134 -> "0.213" */
export const decimal = (value: Maybe, digits = 3): string =>
  isNumber(value) ? fixed(value, digits) : DASH

/** 60000 -> "60 000" */
export const count = (value: Maybe): string =>
  isNumber(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE) : DASH

/** `counted(1, 'file')` -> "1 file", `counted(3, 'class', 'classes')` -> "3 classes" */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`

/** 4.21 -> "4.2 s", 75 -> "1 min 15 s", 7380 -> "2 h 3 min" */
export function duration(seconds: Maybe): string {
  if (!isNumber(seconds)) return DASH
  const unit = (value: number | string, name: string) => `${value}${NARROW_SPACE}${name}`
  if (seconds < 9.95) return unit(seconds.toFixed(1), 's')
  const whole = Math.round(seconds)
  if (whole < 60) return unit(whole, 's')
  const minutes = Math.floor(whole / 60)
  if (whole < 3600) return `${unit(minutes, 'min')} ${unit(whole % 60, 's')}`
  const rounded = Math.round(whole / 60)
  return `${unit(Math.floor(rounded / 60), 'h')} ${unit(rounded % 60, 'min')}`
}

/** "p = 0.031", and "p < 0.001" below that; a line never breaks inside. */
export const pValue = (p: Maybe): string =>
  (isNumber(p) && p < 0.001 ? 'p < 0.001' : `p = ${decimal(p)}`).replaceAll(' ', '\u00A0')
