import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { sha256, smallNetwork } from '../../testing/hub-files.ts'
import { resolveBackbone } from './resolve.ts'
import { hubSettings } from './settings.ts'

const network = smallNetwork(10)
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-file-'))
  await mkdir(join(folder, 'onnx'))
  await writeFile(join(folder, 'onnx', 'model.onnx'), network)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const resolve = (path: string) =>
  collect(resolveBackbone(path, hubSettings({ GRAFT_OFFLINE: '1', GRAFT_CACHE: folder })))

it('a file is itself, with its digest, and nothing is said of its images', async () => {
  const path = join(folder, 'onnx', 'model.onnx')
  expect(await resolve(path)).toEqual({
    events: [],
    result: {
      name: path,
      spec: path,
      path,
      digest: sha256(network),
      revision: null,
      license: null,
      normalization: null,
      size: null,
    },
  })
})

it('what was downloaded along with a file counts, as where somebody copied a repository', async () => {
  const config = { image_mean: [0.5], image_std: [0.5], size: 96 }
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(config))
  const { result } = await resolve(join(folder, 'onnx', 'model.onnx'))
  expect(result).toMatchObject({
    normalization: { mean: [0.5], std: [0.5] },
    size: { height: 96, width: 96 },
  })
})

it('a file that cannot be read is named', async () => {
  await expect(resolve(join(folder, 'gone.onnx'))).rejects.toThrow(/gone.onnx: no such file$/)
  await expect(resolve(folder)).rejects.toThrow(/is a folder, not an ONNX file$/)
})
