import { expect, test, vi } from 'vitest'
import { webRuntime } from '../../src/web.ts'
import { loadClothes } from './data.ts'
import { showPage } from './page.ts'
import { learn } from './training.ts'

const timeout = 120_000

test('the network learns, and classifies most of the pictures that it has not seen', {
  timeout,
}, async () => {
  const train = await loadClothes('train', 480)
  const test = await loadClothes('test', 128)
  const progress = []
  for await (const event of learn(train, test, 3, webRuntime)) progress.push(event)
  expect(progress.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
  const [first, , last] = progress
  expect(last?.loss).toBeLessThan(0.7 * (first?.loss ?? 0))
  expect(last?.accuracy).toBeGreaterThan(0.6)
})

test('the page trains when its button is pressed, and shows how it goes', { timeout }, async () => {
  const root = document.createElement('main')
  document.body.append(root)
  await showPage(root, { images: 160, testImages: 64, epochs: 2 })
  expect(root.querySelectorAll('.images canvas')).toHaveLength(20)
  root.querySelector('button')?.click()
  await vi.waitFor(() => expect(root.dataset.epoch).toBe('2'), { timeout, interval: 200 })
  expect(root.querySelector('.state')?.textContent).toMatch(/^trained for 2 epochs, \d+ s$/)
  const [loss, accuracy] = [...root.querySelectorAll('output')].map(({ value }) => value)
  expect(loss).toMatch(/^\d\.\d{3}$/)
  expect(Number.parseFloat(accuracy ?? '')).toBeGreaterThan(10)
  expect(root.querySelector('polyline')?.getAttribute('points')?.split(' ')).toHaveLength(2)
})

test('where there is no WebGPU the page says so, and can be asked again', { timeout }, async () => {
  const root = document.createElement('main')
  document.body.append(root)
  await showPage(root, { images: 32, testImages: 32, epochs: 1 })
  const [select, button] = [root.querySelector('select'), root.querySelector('button')]
  if (select) select.value = 'webgpu'
  button?.click()
  expect(button?.disabled).toBe(true)
  await vi.waitFor(() => expect(button?.disabled).toBe(false), { timeout, interval: 50 })
  expect(root.querySelector('.state')?.textContent).toMatch(
    /^the device "webgpu" cannot start: .+; "cpu", which is WebAssembly, can$/,
  )
  expect(root.dataset.epoch).toBeUndefined()
})
