import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { writeModel } from '../graph/write.ts'
import { cnn, inputName, outputName } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { exportModel, openExportedModel } from './exported-model.ts'
import { pixelsInput, takePixels, usualNormalizations } from './normalization.ts'

const size = { height: 6, width: 5, channels: 3 }
const classes = ['cat', 'dog, "small"', 'fish']
const graph = takePixels(
  cnn([3, 6, 5], { classes: 3 }, createRandom(1)),
  { input: inputName, layout: 'NCHW', ...size },
  usualNormalizations(3)[0] as ReturnType<typeof usualNormalizations>[0],
)
const pixels: Tensor = {
  type: 'uint8',
  dims: [2, 6, 5, 3],
  data: Uint8Array.from({ length: 180 }, (_, i) => (i * 29) % 256),
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-export-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

test('an exported model comes back with its classes, size and provenance, and gives probabilities', async () => {
  const model = { graph, size, provenance: { strategy: 'scratch' } }
  const path = await written('model.onnx', exportModel(model, classes))
  const opened = await openExportedModel(path)
  expect(opened.classes).toEqual(classes)
  expect(opened.size).toEqual(size)
  expect(opened.graph.metadata).toMatchObject({ 'graft.strategy': 'scratch' })
  expect(opened.graph.inputs).toEqual([{ name: pixelsInput, type: 'uint8', dims: ['N', 6, 5, 3] }])
  expect(opened.graph.outputs).toEqual([{ name: 'probabilities', type: 'float32', dims: ['N', 3] }])

  const { [outputName]: logits } = await run(graph, { [pixelsInput]: pixels })
  const { probabilities } = await run(opened.graph, { [pixelsInput]: pixels })
  expect(probabilities?.dims).toEqual([2, 3])
  for (const row of [0, 1]) {
    const powers = [0, 1, 2].map((k) => Math.exp(Number(logits?.data[3 * row + k])))
    const sum = powers.reduce((a, b) => a + b)
    powers.forEach((power, k) => {
      expect(probabilities?.data[3 * row + k]).toBeCloseTo(power / sum, 5)
    })
  }
})

describe('what is no exported model is refused in a line that names the file', () => {
  const refused: [string, (() => Uint8Array) | null, string][] = [
    ['missing.onnx', null, 'no such file'],
    ['text.onnx', () => Buffer.from('not a model at all'), 'not an ONNX model'],
    [
      'foreign.onnx',
      () => writeModel(cnn([3, 6, 5], { classes: 2 }, createRandom(1)) as Graph),
      'not a classifier that Graft exported',
    ],
  ]
  test.each(refused)('%s', async (name, bytes, reason) => {
    const path = bytes ? await written(name, bytes()) : join(folder, name)
    const error: Error = await openExportedModel(path).then(
      () => expect.fail('it was opened'),
      (thrown) => thrown,
    )
    expect(error.name).toBe('GraftError')
    expect(error.message).toContain(`${path}: ${reason}`)
    expect(error.message).not.toContain('\n')
  })

  test('a folder', async () => {
    await expect(openExportedModel(folder)).rejects.toThrow('is a folder, not an ONNX file')
  })
})
