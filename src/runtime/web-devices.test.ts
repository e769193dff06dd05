import { afterEach, expect, test, vi } from 'vitest'
import { GraftError } from '../errors.ts'
import { webRuntime } from './web.ts'
import { webRuntimeOn } from './web-devices.ts'

afterEach(() => vi.unstubAllGlobals())

const refusal = (reason: string) =>
  new GraftError(
    'unsupported',
    `the device "webgpu" cannot start: ${reason}; "cpu", which is WebAssembly, can`,
  )

test('the CPU is WebAssembly', async () => {
  expect(await webRuntimeOn('cpu')).toBe(webRuntime)
})

test('where there is no WebGPU, as in Node, the error says so', async () => {
  vi.stubGlobal('navigator', {})
  await expect(webRuntimeOn('webgpu')).rejects.toEqual(refusal('there is no WebGPU here'))
})

test('a page that is not secure is told to be', async () => {
  vi.stubGlobal('isSecureContext', false)
  await expect(webRuntimeOn('webgpu')).rejects.toEqual(
    refusal('browsers offer it only to pages that come over https or from localhost'),
  )
})

test('a browser that knows WebGPU may yet have nothing to run it on', async () => {
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } })
  await expect(webRuntimeOn('webgpu')).rejects.toEqual(
    refusal('the browser has no graphics card for it'),
  )
})

test('what the browser says when it denies the device is passed on', async () => {
  const requestDevice = () => Promise.reject(new Error('the driver is blocked'))
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => ({ requestDevice }) } })
  await expect(webRuntimeOn('webgpu')).rejects.toEqual(refusal('the driver is blocked'))
})
