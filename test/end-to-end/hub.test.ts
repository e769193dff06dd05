import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModelFile } from '../../src/graph/read-file.ts'
import { type HubServer, startHub } from '../../testing/hub-server.ts'
import { graft, start, temporaryFolder } from './command-line.ts'
import { fitDocument, inspectDocument } from './documents.ts'
import { side, writeShapes } from './shape-images.ts'
import { writeBackbone } from './tiny-models.ts'

const commit = 'd'.repeat(40)
const options = ['fit', 'shapes', '--budget', '0.1s', '--seed', '7']

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hub: HubServer
let at: (...names: string[]) => string
let online: Readonly<Record<string, string>>

beforeAll(async () => {
  folder = await temporaryFolder()
  at = (...names) => join(folder.path, ...names)
  await writeShapes(at('shapes'), { circle: 3, square: 3 })
  await writeBackbone(at('backbone.onnx'))
  const preprocessor = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] }
  hub = await startHub({
    'some/network': {
      commit,
      card: { license: 'apache-2.0' },
      files: {
        'onnx/model.onnx': await readFile(at('backbone.onnx')),
        'onnx/model_quantized.onnx': Buffer.from('quantized'),
        'preprocessor_config.json': Buffer.from(JSON.stringify(preprocessor)),
      },
    },
  })
  online = { GRAFT_OFFLINE: '', HF_ENDPOINT: hub.endpoint, GRAFT_CACHE: at('cache') }
})
afterAll(async () => {
  await hub.close()
  await folder.remove()
})

const run = (...args: string[]) => start(folder.path, args, online).ended

describe('a backbone on the hub', () => {
  it('is inspected by its name', async () => {
    const { code, stdout, stderr } = await run('inspect', 'some/network', '--json')
    expect(code, stderr).toBe(0)
    const found = inspectDocument.parse(JSON.parse(stdout))
    expect(found.inputs[0]?.dims).toEqual(['N', 3, side, side])
    expect(stderr).toMatch(/^backbone: some\/network, commit ddddddd; licence: apache-2.0$/m)
  })

  it('is reused by its name, and named with commit and licence in all that comes of it', async () => {
    const fitted = await run(...options, '--backbone', 'some/network', '-o', 'named', '--json')
    expect(fitted.code, fitted.stderr).toBe(0)
    const result = fitDocument.parse(JSON.parse(fitted.stdout))
    expect(result.strategies.map(({ status }) => status)).toEqual(['done', 'done'])
    expect(fitted.stderr.match(/licence: /g)).toHaveLength(1)
    const record = JSON.parse(await readFile(at('named/run.json'), 'utf8'))
    expect(record).toMatchObject({
      configuration: { backbone: 'some/network' },
      backbone: {
        name: 'some/network',
        spec: `some/network@${commit}:onnx/model.onnx`,
        revision: commit,
        license: 'apache-2.0',
      },
    })
    expect(record.strategies[1].decisions).toContainEqual(
      expect.objectContaining({ sentence: 'normalization: preprocessor_config.json', kept: true }),
    )
    const report = await readFile(at('named/report.html'), 'utf8')
    expect(report).toContain('apache-2.0')
    expect(report).toContain(commit)

    const alone = [...options, '--strategies', 'transfer', '--backbone', 'some/network@main']
    const { code, stderr } = await run(...alone, '-o', 'alone')
    expect(code, stderr).toBe(0)
    expect((await readModelFile(at('alone/model.onnx'))).metadata).toMatchObject({
      'graft.backbone': 'some/network',
      'graft.backbone_revision': commit,
      'graft.backbone_license': 'apache-2.0',
      'graft.normalization': 'preprocessor_config.json',
    })
  }, 60_000)

  it('comes from the cache where a run is resumed, though the hub is gone', async () => {
    const begun = [...options, '--backbone', 'some/network', '-o', 'begun']
    const killed = start(folder.path, begun, online)
    while (!existsSync(at('begun/checkpoints/scratch-whole-fold-0.json'))) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    killed.kill('SIGKILL')
    await killed.ended
    await hub.close()
    const { code, stderr } = await run('resume', 'begun')
    expect(code, stderr).toBe(0)
    const [resumed, whole] = await Promise.all(
      ['begun', 'named'].map((name) => readFile(at(name, 'model.onnx'))),
    )
    expect(resumed?.equals(whole as Buffer), 'bitwise the same model').toBe(true)
  }, 60_000)
})

describe('without a network', () => {
  it('no backbone is looked for, and one line says what to do', async () => {
    const { code, stdout, stderr } = await graft(folder.path, ...options, '-o', 'bare', '--json')
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(
      /^no network is reused, .* Graft is offline: give one with --backbone FILE.onnx/m,
    )
    const { chosen, strategies } = fitDocument.parse(JSON.parse(stdout))
    expect(chosen).toBe('scratch')
    expect(strategies[1]).toMatchObject({ name: 'transfer', status: 'skipped' })
  }, 60_000)

  it.each([
    ['some/network', /^graft: some\/network: is not in the cache, and Graft is offline/],
    [
      'resnet',
      /^graft: resnet: no such file: give an ONNX file, an https:\/\/ address, owner\/name/,
    ],
  ])('%s is refused in one line', async (name, message) => {
    const refused = await graft(folder.path, ...options, '--backbone', name, '-o', 'refused')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(message)
    expect(refused.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(existsSync(at('refused'))).toBe(false)
  })
})
