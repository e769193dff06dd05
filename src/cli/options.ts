import { InvalidArgumentError, Option } from 'commander'
import { devices } from '../runtime/session.ts'

/** Parsers of option values; commander turns what they throw into one line and exit code 2. */
export function positiveInteger(text: string): number {
  const value = wholeNumber(text)
  if (value === null || value < 1) throw new InvalidArgumentError('Give a whole number from 1 up.')
  return value
}

/** How many, or all. */
export function countOrAll(text: string): number | 'all' {
  const value = text === 'all' ? 'all' : wholeNumber(text)
  if (value === null) throw new InvalidArgumentError('Give a whole number from 0 up, or "all".')
  return value
}

/** A learning rate, such as 1e-4. */
export function rate(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError('Give a number above 0, such as 1e-4.')
  return value
}

/** A seed, or how many of something: a whole number from 0 up. */
export function count(text: string): number {
  const value = wholeNumber(text)
  if (value === null) throw new InvalidArgumentError('Give a whole number from 0 up.')
  return value
}

function wholeNumber(text: string): number | null {
  const value = Number(text)
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : null
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** A time such as 90s, 10m or 1.5h, in seconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text)
  const value = Number(match?.[1]) * (units[match?.[2] || 's'] ?? 1)
  if (!match || value <= 0 || !Number.isFinite(value))
    throw new InvalidArgumentError('Give a time such as 90s, 10m or 1h.')
  return value
}

/** Where a command computes. */
export const deviceOption = () =>
  new Option('--device <name>', 'what to compute on').choices(devices).default('cpu')
