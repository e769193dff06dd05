import { expect } from 'vitest'

const VOID = new Set(['meta', 'img', 'br', 'hr', 'link', 'input'])

/** Expects every report to be one whole document that stands alone, says no "NaN", and repeats no id. */
export function expectReport(report: string): void {
  expect(report).toMatch(/^<!doctype html>\n<html lang="en">/)
  expectBalanced(report)
  for (const [, address] of report.matchAll(/\ssrc="([^"]*)"/g)) {
    expect(address).toMatch(/^data:image\/png;base64,/)
  }
  expect(report).not.toMatch(/@import|url\(/)
  for (const [tag] of report.matchAll(/<[^>]*>/g)) {
    expect(tag).not.toMatch(/^<(script|link|iframe|object|embed|base)\b|\son\w+=/i)
    if (/\shref=/.test(tag)) expect(tag).toMatch(/^<a href="(https?:|#)/)
  }
  expect(words(report)).not.toMatch(/NaN|Infinity|undefined|\[object|null/)
  const ids = [...report.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const [, names] of report.matchAll(/aria-labelledby="([^"]*)"/g)) {
    for (const name of (names as string).split(' ')) expect(ids).toContain(name)
  }
  expect(report.match(/<h1\b/g)).toHaveLength(1)
}

/** The text of a document as a reader sees it, with plain spaces. */
export const words = (report: string): string =>
  report
    .replace(/<style>.*?<\/style>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** Expects every element to be closed by its own end tag, in order. */
function expectBalanced(report: string): void {
  const open: string[] = []
  for (const [, end, name, self] of report.matchAll(/<(\/?)([a-zA-Z][\w-]*)[^>]*?(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name)
    else if (!self && !VOID.has(name as string)) open.push(name as string)
  }
  expect(open).toEqual([])
}
