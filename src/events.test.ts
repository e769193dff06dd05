import { expect, test } from 'vitest'
import { collect } from '../testing/collect.ts'
import { mapEvents, orRelease } from './events.ts'

test('events are changed or left out, and whoever stops listening ends what yields them', async () => {
  let isClosed = false
  async function* counting() {
    try {
      for (let i = 0; i < 4; i++) yield i
      return 'end'
    } finally {
      isClosed = true
    }
  }
  const even = () => mapEvents(counting(), (i) => (i % 2 === 0 ? 10 * i : null))
  expect(await collect(even())).toEqual({ events: [0, 20], result: 'end' })
  isClosed = false
  for await (const event of even()) {
    expect(event).toBe(0)
    break
  }
  expect(isClosed).toBe(true)
})

test('what is held is released where the work fails or nobody listens to its end, and not after it', async () => {
  let released = 0
  const held = {
    async release() {
      released++
    },
  }
  async function* work(fails: boolean) {
    yield 1
    if (fails) throw new Error('failed')
    return 'end'
  }
  expect(await collect(orRelease(held, work(false)))).toEqual({ events: [1], result: 'end' })
  expect(released).toBe(0)
  await expect(collect(orRelease(held, work(true)))).rejects.toThrow('failed')
  expect(released).toBe(1)
  for await (const _ of orRelease(held, work(false))) break
  expect(released).toBe(2)
})
