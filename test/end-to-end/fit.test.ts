import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Decision } from '../../src/comparison/record.ts'
import { createRandom } from '../../src/random.ts'
import { type Ended, graft, graftJson, start, temporaryFolder } from './command-line.ts'
import { evaluateDocument, fitDocument, inspectDocument, predictDocument } from './documents.ts'
import { shapePixels, side, writeShapes } from './shape-images.ts'
import { writeBackbone } from './tiny-models.ts'

const classes = ['circle', 'square', 'triangle']
const options = ['fit', 'shapes', '--backbone', 'backbone.onnx', '--budget', '0.1s', '--seed', '7']

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let fitted: Ended
let at: (...names: string[]) => string

beforeAll(async () => {
  folder = await temporaryFolder()
  at = (...names) => join(folder.path, ...names)
  await writeShapes(at('shapes', 'train'), { circle: 3, square: 3, triangle: 3 })
  await writeShapes(at('shapes', 'test'), { circle: 4, square: 4, triangle: 4 }, 1)
  await writeFile(at('shapes', 'train', 'circle', 'notes.jpg'), 'not an image')
  await writeBackbone(at('backbone.onnx'))
  fitted = await graft(folder.path, ...options, '-o', 'runs/first', '--json')
}, 180_000)
afterAll(() => folder.remove())

describe('a fit with a backbone', () => {
  it('prints one JSON document and nothing else', () => {
    expect(fitted.code, fitted.stderr).toBe(0)
    const result = fitDocument.parse(JSON.parse(fitted.stdout))
    expect(result.strategies.map(({ name, status }) => [name, status])).toEqual([
      ['scratch', 'done'],
      ['transfer', 'done'],
    ])
    expect(result.strategies.every(({ accuracy, reason }) => accuracy && reason === null)).toBe(
      true,
    )
    expect(result.strategies[1]?.reusedUpTo).toEqual(expect.any(String))
    expect(result).toMatchObject({
      run: 'runs/first',
      model: 'runs/first/model.onnx',
      report: 'runs/first/report.html',
      test: { n: 12 },
    })
    expect(result.test?.accuracy, 'three classes by colour').toBeGreaterThan(0.6)
  })

  it('shows its progress on standard error, without escape codes where that is no terminal', () => {
    expect(fitted.stderr).toMatch(/^scratch, fold 1 of 9$/m)
    expect(fitted.stderr).toMatch(/^skipped train\/circle\/notes.jpg: not an image/m)
    expect(fitted.stderr).not.toMatch(/(?!\n)\p{Cc}/u)
  })

  it('leaves a folder with all that the run found', async () => {
    expect((await readdir(at('runs/first'))).sort()).toEqual(
      ['checkpoints', 'events.jsonl', 'model.onnx', 'report.html', 'run.json'].sort(),
    )
    const record = JSON.parse(await readFile(at('runs/first/run.json'), 'utf8'))
    expect(record).toMatchObject({
      status: 'done',
      configuration: { data: 'shapes', backbone: 'backbone.onnx', seed: 7, budget: 0.1 },
      data: { classes, labelled: 9, test: 12, skipped: [{ file: 'train/circle/notes.jpg' }] },
    })
    const events = await eventsOf('runs/first')
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['decode', 'skipped', 'strategy', 'progress', 'epoch', 'decision', 'verdict']),
    )
  })

  it('writes the same report again with graft report, its images too', async () => {
    const report = await readFile(at('runs/first/report.html'), 'utf8')
    expect(report).toContain('Sample: triangle')
    await rm(at('runs/first/report.html'))
    const { stdout, code } = await graft(folder.path, 'report', 'runs/first')
    expect({ stdout, code }).toEqual({ stdout: 'runs/first/report.html\n', code: 0 })
    expect(await readFile(at('runs/first/report.html'), 'utf8')).toBe(report)
  })

  it('writes a report that loads nothing from elsewhere', async () => {
    const report = await readFile(at('runs/first/report.html'), 'utf8')
    expect(report).toMatch(/^<!doctype html>/i)
    expect(report).toContain('triangle')
    expect(report).not.toMatch(/<(script|link|iframe|object|embed)\b|@import/i)
    const sources = [...report.matchAll(/(?:src|srcset)="([^"]*)"|url\(([^)]*)\)/g)]
    expect(sources.length).toBeGreaterThan(0)
    for (const [, attribute, url] of sources) expect(attribute ?? url).toMatch(/^["']?data:/)
  })

  it('measures the model again as fit did', async () => {
    const found = evaluateDocument.parse(
      await graftJson(folder.path, 'evaluate', 'runs/first', 'shapes'),
    )
    const { test } = JSON.parse(fitted.stdout)
    const { accuracy, low, high, n } = found
    expect({ accuracy, low, high, n }).toEqual(test)
    expect(found.classes.map((score) => [score.class, score.n])).toEqual(
      classes.map((name) => [name, 4]),
    )
    expect(found.confusion.flat().reduce((sum, count) => sum + count)).toBe(12)
  })

  it('describes a network', async () => {
    const found = inspectDocument.parse(await graftJson(folder.path, 'inspect', 'backbone.onnx'))
    expect(found.inputs).toEqual([{ name: 'input', type: 'float32', dims: ['N', 3, side, side] }])
    expect(found.unsupported).toEqual([])
    expect(found.blocks.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(found.parameters)
  })
})

describe('a fit whose choices are made by hand', () => {
  const byHand = [...options, '--strategies', 'transfer']

  it('keeps to them, and proves what stayed frozen', async () => {
    const { code, stderr } = await graft(
      folder.path,
      ...byHand,
      ...['--reuse', 'Relu', '--thaw', '0', '--head', 'linear', '-o', 'runs/frozen'],
    )
    expect(code, stderr).toBe(0)
    const { configuration, strategies, frozen } = JSON.parse(
      await readFile(at('runs/frozen/run.json'), 'utf8'),
    )
    expect(configuration).toMatchObject({
      reuse: 'Relu',
      thaw: 0,
      head: 'linear',
      thawRate: null,
    })
    expect(strategies[0]).toMatchObject({ reusedUpTo: 'Relu', thawedFrom: null })
    const sentences = strategies[0].decisions.map(({ sentence }: Decision) => sentence)
    expect(sentences.at(-1)).toMatch(/^new output layer on block \d, all frozen/)
    expect(frozen.length).toBeGreaterThan(0)
    for (const { before, after } of frozen) {
      expect(before).toMatch(/^[0-9a-f]{64}$/)
      expect(after).toBe(before)
    }
  }, 180_000)

  it.each([
    [['--reuse', 'nowhere'], /^graft: .*cannot be reused up to "nowhere": give one of .+\n$/],
    [['--thaw', '99'], /^graft: .*so 99 cannot be thawed\n$/],
    [['--thaw', 'some'], /Give a whole number from 0 up, or "all"/],
    [['--thaw-rate', '0'], /Give a number above 0/],
  ])(
    'refuses %o in words, before anything is written',
    async (wrong, message) => {
      const { code, stderr } = await graft(folder.path, ...byHand, ...wrong, '-o', 'runs/wrong')
      expect(stderr).toMatch(message)
      expect(code).toBe(2)
      expect(existsSync(at('runs/wrong'))).toBe(false)
    },
    60_000,
  )
})

describe('the exported model', () => {
  it('gives ONNX Runtime alone what predict prints, and names its classes', async () => {
    const files = classes.map((name) => `shapes/test/${name}/0.png`)
    const pixels = classes.flatMap((name) =>
      Array.from(shapePixels(name, createRandom(1).fork(`${name} 0`))),
    )
    const predictions = predictDocument.parse(
      await graftJson(folder.path, 'predict', 'runs/first/model.onnx', ...files),
    )

    const bytes = await readFile(at('runs/first/model.onnx'))
    const session = await ort.InferenceSession.create(bytes)
    const input = new ort.Tensor('uint8', Uint8Array.from(pixels), [3, side, side, 3])
    const result = await session.run({ [session.inputNames[0] as string]: input })
    const probabilities = result[session.outputNames[0] as string] as ort.Tensor
    expect(probabilities.dims).toEqual([3, 3])
    const { metadataProps } = fromBinary(ModelProtoSchema, bytes)
    const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))
    expect(JSON.parse(metadata['graft.classes'] as string)).toEqual(classes)
    expect(metadata['graft.strategy']).toBe(JSON.parse(fitted.stdout).chosen)

    for (const [row, prediction] of predictions.entries()) {
      if ('error' in prediction) throw new Error(prediction.error)
      expect(prediction.file).toBe(files[row])
      const bare = Array.from(probabilities.data.slice(3 * row, 3 * row + 3) as Float32Array)
      expect(Object.keys(prediction.probabilities)).toEqual(classes)
      for (const [label, value] of Object.values(prediction.probabilities).entries()) {
        expect(value).toBeCloseTo(bare[label] as number, 5)
      }
      expect(prediction.label).toBe(classes[bare.indexOf(Math.max(...bare))])
      expect(prediction.probability).toBe(prediction.probabilities[prediction.label])
    }
  })

  it('predicts the files that can be read, and fails for those that cannot', async () => {
    const files = ['shapes/train/circle/notes.jpg', 'shapes/test/square/1.png', 'nowhere.png']
    const { code, stdout } = await graft(folder.path, 'predict', 'runs/first', ...files, '--json')
    expect(code).toBe(1)
    const predictions = predictDocument.parse(JSON.parse(stdout))
    expect(predictions.map((prediction) => 'error' in prediction)).toEqual([true, false, true])
    expect(predictions.map(({ file }) => file)).toEqual(files)
    expect(predictions[2]).toEqual({ file: 'nowhere.png', error: 'no such file' })
  })
})

describe('a run that was interrupted', () => {
  it('resumes to the same accuracies and the same model, whatever stopped it', async () => {
    const run = 'runs/second'
    const killed = start(folder.path, [...options, '-o', run])
    await appears(at(run, 'checkpoints/scratch-whole-fold-0.json'), killed.ended)
    killed.kill('SIGKILL')
    expect(await killed.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' })

    // As after a power failure: a file that was being written, and half a line.
    await writeFile(at(run, 'checkpoints/.scratch-whole-fold-1.json.0.tmp'), '{')
    const events = await readFile(at(run, 'events.jsonl'), 'utf8')
    await writeFile(at(run, 'events.jsonl'), `${events}{"type":"ep`)

    const interrupted = start(folder.path, ['resume', run])
    await appears(at(run, 'checkpoints/scratch-whole-fold-2.json'), interrupted.ended)
    interrupted.kill('SIGINT')
    const { code, stdout, stderr } = await interrupted.ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/^interrupted: go on with "graft resume runs\/second"\n$/m)

    const again = await graft(folder.path, ...options, '-o', run)
    expect(again).toMatchObject({ code: 2, stdout: '' })
    expect(again.stderr).toMatch(/^graft: runs\/second: holds a run already: .*graft resume.*\n$/)

    const backbone = await readFile(at('backbone.onnx'))
    const docString = Buffer.from([0x32, 1, 0x61])
    await writeFile(at('backbone.onnx'), Buffer.concat([backbone, docString]))
    const changed = await graft(folder.path, 'resume', run)
    expect(changed.stderr).toMatch(/^graft: backbone.onnx: has changed since the run began: /m)
    expect(changed).toMatchObject({ code: 1, stdout: '' })
    await writeFile(at('backbone.onnx'), backbone)

    await mkdir(at('elsewhere'))
    const resumed = fitDocument.parse(await graftJson(at('elsewhere'), 'resume', '../runs/second'))
    const first = fitDocument.parse(JSON.parse(fitted.stdout))
    const accuracies = ({ strategies }: typeof first) => strategies.map(({ accuracy }) => accuracy)
    expect(accuracies(resumed)).toEqual(accuracies(first))
    expect(resumed.test).toEqual(first.test)
    const [model, expected] = await Promise.all([
      readFile(at(run, 'model.onnx')),
      readFile(at('runs/first/model.onnx')),
    ])
    expect(model.equals(expected), 'bitwise the same model').toBe(true)
    expect((await eventsOf(run)).length).toBeGreaterThan(0)
    expect((await readdir(at(run, 'checkpoints'))).filter((name) => name.startsWith('.'))).toEqual(
      [],
    )
  }, 90_000)

  it('is printed again where it is done already', async () => {
    const again = await graftJson(folder.path, 'resume', 'runs/first')
    expect(again).toEqual(JSON.parse(fitted.stdout))
  })
})

/** Waits for a file of a process that is still running. */
async function appears(path: string, ended: Promise<Ended>): Promise<void> {
  const end = ended.then(({ stderr }) => `ended before ${path} was there:\n${stderr}`)
  while (!existsSync(path)) {
    const turn = new Promise<null>((resolve) => setTimeout(resolve, 5, null))
    const early = await Promise.race([end, turn])
    if (early !== null) throw new Error(early)
  }
}

async function eventsOf(run: string): Promise<{ type: string }[]> {
  const lines = (await readFile(at(run, 'events.jsonl'), 'utf8')).split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line))
}
