import { expect, it } from 'vitest'
import { smallNetwork, splitNetwork } from '../../testing/hub-files.ts'
import { externalFiles } from './external-files.ts'

it('names the files that weights are kept in', () => {
  expect(externalFiles(splitNetwork('weights/a.data').model)).toEqual(['weights/a.data'])
  expect(externalFiles(smallNetwork(10))).toEqual([])
  expect(() => externalFiles(Buffer.from('<!doctype html>'))).toThrow(/not an ONNX model/)
})
