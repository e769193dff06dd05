import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { methods } from '../../src/pretraining/methods.ts'
import { graft, graftJson, start, temporaryFolder } from './command-line.ts'
import { fitDocument, pretrainDocument } from './documents.ts'
import { side, writeShapes } from './shape-images.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let at: (...names: string[]) => string

beforeAll(async () => {
  folder = await temporaryFolder()
  at = (...names) => join(folder.path, ...names)
  await writeShapes(at('shapes', 'train'), { circle: 3, square: 3, triangle: 3 })
  await writeShapes(at('shapes', 'test'), { circle: 2, square: 2, triangle: 2 }, 1)
  await writeShapes(at('more'), { circle: 8, square: 8 }, 2)
})
afterAll(() => folder.remove())

describe('a backbone from images', () => {
  it('is one JSON document, an ONNX file that anybody runs, and a sheet of pictures', async () => {
    const args = ['pretrain', 'autoencoder', 'shapes', '--unlabelled', 'more', '--epochs', '2']
    const result = pretrainDocument.parse(
      await graftJson(folder.path, ...args, '-o', 'shapes.onnx'),
    )
    expect(result).toMatchObject({
      method: 'autoencoder',
      images: 25,
      epochs: 2,
      backbone: 'shapes.onnx',
    })
    const session = await ort.InferenceSession.create(at('shapes.onnx'))
    expect(session.inputNames).toEqual(['pixels'])
    const pixels = new ort.Tensor('uint8', new Uint8Array(2 * side * side * 3), [2, side, side, 3])
    const { features } = await session.run({ pixels })
    expect(features?.dims).toEqual([2, 128])
    expect(await sharp(at('shapes.png')).metadata()).toMatchObject({ format: 'png', channels: 3 })
    expect(existsSync(at('shapes.onnx.checkpoints'))).toBe(false)
  })

  it('serves a fit like any other', async () => {
    const result = fitDocument.parse(
      await graftJson(
        folder.path,
        ...['fit', 'shapes', '--backbone', 'shapes.onnx', '--strategies', 'transfer'],
        ...['--budget', '0.1s', '-o', 'runs/transfer'],
      ),
    )
    expect(result.chosen).toBe('transfer')
    expect(result.test?.n).toBe(6)
    const record = await readFile(at('runs/transfer/run.json'), 'utf8')
    expect(record).toContain("normalization: as the backbone's metadata says")
  })

  it('says in plain text what to do next', async () => {
    const args = ['pretrain', 'rotation', 'shapes', '--epochs', '1', '-o', 'turned.onnx']
    const { stdout, stderr, code } = await graft(folder.path, ...args)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^images {4}9, 1 epoch\nloss {6}\d+\.\d{3} in the first epoch/)
    expect(stdout).toContain('graft fit DATA -o RUN --backbone turned.onnx')
    expect(existsSync(at('turned.png'))).toBe(false)
  })

  it('does not begin where the output is a folder', async () => {
    const { code, stderr } = await graft(folder.path, 'pretrain', 'rotation', 'shapes', '-o', '.')
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^graft: \. is a folder: give the name of a file, such as -o rotation\.onnx\n$/,
    )
  })

  it('learns from a rule in a module, and says what is wrong with it', async () => {
    await writeFile(
      at('brightness.mjs'),
      'export default ({ data }) => (data[0] > 45 ? "bright" : "dark")\n',
    )
    const args = ['pretrain', 'rules', 'shapes', '--epochs', '1', '-o', 'ruled.onnx', '--rule']
    const result = pretrainDocument.parse(await graftJson(folder.path, ...args, 'brightness.mjs'))
    expect(result.method).toBe('rules')
    await writeFile(at('broken.mjs'), 'export const label = 1\n')
    const broken = await graft(folder.path, ...args, 'broken.mjs')
    expect(broken).toMatchObject({ code: 1, stdout: '' })
    expect(broken.stderr).toMatch(/^graft: broken.mjs: has no default export that is a function: /)
    const without = await graft(folder.path, ...args.slice(0, -1))
    expect(without.code).toBe(2)
    expect(without.stderr).toMatch(/^graft: rules: give a module with a rule: --rule FILE.mjs\n$/)
    const given = ['pretrain', 'rotation', 'shapes', '-o', 'x.onnx', '--rule', 'brightness.mjs']
    const unused = await graft(folder.path, ...given)
    expect(unused.code).toBe(2)
    expect(unused.stderr).toMatch(/^graft: rotation does not learn from a rule: leave out --rule/)
  })
})

describe('pretraining that was killed', () => {
  it('goes on with the same command to the same file', async () => {
    const args = ['pretrain', 'autoencoder', 'shapes', '--variant', 'stacked', '--epochs', '2']
    const whole = await graft(folder.path, ...args, '-o', 'whole.onnx')
    expect(whole.code, whole.stderr).toBe(0)
    const killed = start(folder.path, [...args, '-o', 'killed.onnx'])
    const saved = at('killed.onnx.checkpoints')
    const finished = killed.ended.then(() => true)
    const hasSaved = async () =>
      existsSync(saved) && (await readdir(saved)).some((f) => f.endsWith('.json'))
    while (!(await hasSaved())) {
      const isOver = await Promise.race([finished, new Promise((done) => setTimeout(done, 20))])
      if (isOver === true) break
    }
    killed.kill('SIGKILL')
    await killed.ended
    const again = await graft(folder.path, ...args, '-o', 'killed.onnx')
    expect(again.code, again.stderr).toBe(0)
    expect(await readFile(at('killed.onnx'))).toEqual(await readFile(at('whole.onnx')))
    expect(existsSync(saved)).toBe(false)
  })
})

describe('what cannot be', () => {
  it('a test image among the images is an error that names both', async () => {
    await mkdir(at('leaky', 'train', 'a'), { recursive: true })
    await mkdir(at('leaky', 'test', 'a'), { recursive: true })
    for (const name of ['0.png', '1.png']) {
      await copyFile(at('more', 'circle', name), at('leaky', 'train', 'a', name))
    }
    await copyFile(at('more', 'circle', '1.png'), at('leaky', 'test', 'a', 'copy.png'))
    const { code, stdout, stderr } = await graft(
      folder.path,
      ...['pretrain', 'rotation', 'leaky', '-o', 'leak.onnx'],
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(
      /^graft: leaky: pretraining would see test images: train\/a\/1.png is test\/a\/copy.png; remove them from one of the two$/m,
    )
    expect(existsSync(at('leak.onnx'))).toBe(false)
  })

  it.each([
    [
      ['telepathy', 'shapes'],
      2,
      /^graft: there is no method "telepathy": give one of autoencoder, /,
    ],
    [['gan', 'shapes', '--variant', 'wild'], 2, /^graft: gan has no variant "wild": give one of /],
    [['gan', 'nowhere'], 1, /^graft: nowhere: no such file or folder/],
    [['labelled', 'more/circle'], 1, /^graft: labelled: needs images of at least two classes /],
  ] as const)('%j is one line', async (args, code, line) => {
    const ended = await graft(folder.path, 'pretrain', ...args, '-o', 'none.onnx')
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr.trimEnd().split('\n').at(-1)).toMatch(line)
    expect(existsSync(at('none.onnx'))).toBe(false)
  })
})

describe('the help', () => {
  it('names every method', async () => {
    const { stdout } = await graft(folder.path, 'pretrain', '--help')
    for (const name of Object.keys(methods)) expect(stdout).toMatch(new RegExp(`\\b${name}\\b`))
  })
})

describe('a fit that pretrains', () => {
  it('names a file without a label that cannot be read once, and in the record', async () => {
    await writeShapes(at('spare'), { circle: 3, square: 3 }, 5)
    await writeFile(at('spare', 'torn.png'), 'no image')
    const { code, stderr } = await graft(
      folder.path,
      ...['fit', 'shapes', '--unlabelled', 'spare', '--strategies', 'rotation,jigsaw'],
      ...['--budget', '0.1s', '-o', 'runs/torn'],
    )
    expect(code, stderr).toBe(0)
    expect(stderr.match(/^skipped .*torn\.png: /gm)).toHaveLength(1)
    const { data } = JSON.parse(await readFile(at('runs', 'torn', 'run.json'), 'utf8'))
    expect(data.skipped).toEqual([
      { file: 'torn.png', reason: expect.stringContaining('not an image') },
    ])
  })

  it('tries methods as strategies, and says which need other labels', async () => {
    const result = fitDocument.parse(
      await graftJson(
        folder.path,
        ...['fit', 'shapes', '--unlabelled', 'more', '--strategies', 'rotation,labelled'],
        ...['--budget', '0.1s', '-o', 'runs/rotation'],
      ),
    )
    expect(result.strategies.map(({ name, status }) => [name, status])).toEqual([
      ['rotation', 'done'],
      ['labelled', 'skipped'],
    ])
    expect(result.strategies[1]?.reason).toMatch(
      /learns from labels that are easy to get: .*--related/,
    )
    expect(result.chosen).toBe('rotation')
    const record = JSON.parse(await readFile(at('runs/rotation/run.json'), 'utf8'))
    const [first] = record.strategies[0].decisions
    expect(first.sentence).toMatch(/^rotation \(turns\) on 25 images for \d+ epochs?$/)
  })

  it('learns from labels that are easy to get, and goes on only with the same', async () => {
    const rule = (dark: string) =>
      writeFile(
        at('parity.mjs'),
        `export default ({ name }) => (/[02468]/.test(name) ? "even" : "${dark}")\n`,
      )
    await rule('odd')
    await writeShapes(at('related'), { circle: 6, triangle: 6 }, 7)
    const args = ['fit', 'shapes', '--strategies', 'labelled,rules', '--budget', '0.1s']
    const easy = ['--related', 'related', '--rule', 'parity.mjs', '-o', 'runs/easy']
    const result = fitDocument.parse(await graftJson(folder.path, ...args, ...easy))
    const states = result.strategies.map(({ name, status, reason }) => [name, status, reason])
    expect(states).toEqual(['labelled', 'rules'].map((name) => [name, 'done', null]))
    const record = JSON.parse(await readFile(at('runs/easy/run.json'), 'utf8'))
    const firsts = record.strategies.map(
      ({ decisions: [first] }: { decisions: { sentence: string }[] }) => first?.sentence,
    )
    expect(firsts).toEqual([
      expect.stringMatching(
        /^labelled \(classes\) on 12 other images with labels of their own for /,
      ),
      expect.stringMatching(/^rules \(classes\) on 9 images for /),
    ])
    await writeFile(at('runs/easy/run.json'), JSON.stringify({ ...record, status: 'running' }))
    await rule('uneven')
    const changed = await graft(folder.path, 'resume', 'runs/easy')
    expect(changed).toMatchObject({ code: 1, stdout: '' })
    expect(changed.stderr).toMatch(/^graft: parity.mjs: has changed since the run began: /m)
  }, 90_000)

  it('learns from the wanted labels at once, a network for each fold, and says where that cannot be', async () => {
    const args = ['fit', 'shapes', '--strategies', 'gan-matching', '--budget', '0.1s']
    const result = fitDocument.parse(await graftJson(folder.path, ...args, '-o', 'runs/at-once'))
    expect(result.strategies).toMatchObject([{ name: 'gan-matching', status: 'done' }])
    const { strategies } = JSON.parse(await readFile(at('runs/at-once/run.json'), 'utf8'))
    expect(strategies[0].folds.length).toBeGreaterThan(1)
    expect(strategies[0].decisions[1].sentence).toMatch(/^a network for each of \d folds/)
    const matching = ['pretrain', 'gan', 'shapes', '--variant', 'matching', '--epochs', '1']
    const alone = await graft(folder.path, ...matching, '-o', 'matching.onnx')
    expect(alone.code, alone.stderr).toBe(0)
    expect(alone.stderr).toMatch(/gan learns from the labels of shapes: reuse the backbone for /)
  }, 90_000)

  it('does not learn from labels of the images whose labels are wanted', async () => {
    await writeShapes(at('overlap'), { square: 3, triangle: 3 }, 7)
    await copyFile(at('shapes', 'train', 'circle', '0.png'), at('overlap', 'square', 'copy.png'))
    const { code, stderr } = await graft(
      folder.path,
      ...['fit', 'shapes', '--strategies', 'labelled', '--related', 'overlap'],
      ...['--budget', '0.1s', '-o', 'runs/overlap'],
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /overlap: pretraining would see labelled or test images: square\/copy.png is train\/circle\/0.png; remove them/,
    )
  })

  it('is told where labels are of no use', async () => {
    const { code, stderr } = await graft(
      folder.path,
      ...['fit', 'shapes', '--strategies', 'scratch', '--related', 'more', '-o', 'runs/useless'],
    )
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^graft: --related is for a strategy that learns from it: add pairs or labelled to --strategies$/m,
    )
  })
})
