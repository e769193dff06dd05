import { expect, test } from 'vitest'
import { inTurn } from './in-turn.ts'

test('actions do not overlap, and end in the order in which they came', async () => {
  const whenFree = inTurn()
  const log: string[] = []
  const action = (name: string, turns: number) => async () => {
    log.push(`${name} begins`)
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    log.push(`${name} ends`)
    return name
  }
  const results = [whenFree(action('long', 20)), whenFree(action('short', 1))]
  expect(await Promise.all(results)).toEqual(['long', 'short'])
  expect(log).toEqual(['long begins', 'long ends', 'short begins', 'short ends'])
})

test('one that fails tells whoever asked for it, and the next goes on', async () => {
  const whenFree = inTurn()
  const failed = whenFree(() => Promise.reject(new Error('no')))
  const next = whenFree(async () => 'yes')
  await expect(failed).rejects.toThrow('no')
  expect(await next).toBe('yes')
})
