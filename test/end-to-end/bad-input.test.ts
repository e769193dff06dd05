import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graft, start, temporaryFolder } from './command-line.ts'
import { writeShapes } from './shape-images.ts'
import {
  writeBackbone,
  writeClassifier,
  writeForeignBackbone,
  writeVectorModel,
} from './tiny-models.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let at: (...names: string[]) => string

beforeAll(async () => {
  folder = await temporaryFolder()
  at = (...names) => join(folder.path, ...names)
  await writeShapes(at('shapes'), { circle: 2, square: 2 })
  await writeShapes(at('one'), { circle: 2 })
  await writeShapes(at('parts', 'Train'), { circle: 1 })
  await mkdir(at('empty'))
  await mkdir(at('unfinished'))
  await writeFile(at('unfinished/run.json'), '{"format":1,"configuration":{},"data":{}}')
  await mkdir(at('damaged/a'), { recursive: true })
  await mkdir(at('damaged/b'))
  await writeFile(at('damaged/a/text.jpg'), 'no image')
  await writeFile(at('damaged/a/nothing.png'), '')
  const png = await readFile(at('shapes/circle/0.png'))
  await writeFile(at('damaged/b/cut.png'), png.subarray(0, png.length / 2))
  await writeFile(at('columns.csv'), 'file,class\na.png,x\n')
  await writeFile(
    at('images.idx'),
    Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9]),
  )
  await writeFile(at('labels.idx'), Buffer.from([0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 1]))
  await writeBackbone(at('backbone.onnx'))
  await writeFile(at('cut.onnx'), await readFile(at('backbone.onnx')))
  await truncate(at('cut.onnx'), 3000)
  await writeFile(at('text.onnx'), 'weights')
  await writeForeignBackbone(at('foreign.onnx'), { domain: 'example.com', operator: 'Secret' })
  await writeVectorModel(at('vectors.onnx'))
  await writeClassifier(at('ab.onnx'), ['a', 'b'])
  await writeClassifier(at('known.onnx'), ['circle', 'hexagon'])
  await writeFile(at('file'), '')
})
afterAll(() => folder.remove())

let runs = 0
/** A fit into a folder of its own, inside one that does not exist yet. */
const intoRun = (...args: string[]) => ['fit', ...args, '-o', `runs/${runs++}`, '--budget', '0.1s']

/** A command, the exit code, and what its one line says. */
const refusals: Readonly<Record<string, readonly [string[], 1 | 2, RegExp]>> = {
  'a missing folder': [intoRun('nowhere'), 1, /^nowhere: no such file or folder/],
  'an empty folder': [intoRun('empty'), 1, /^empty: the folder is empty/],
  'a folder of one class': [intoRun('one'), 1, /^one: only one class \("circle"\).*two are needed/],
  'folders that look like parts': [intoRun('parts'), 1, /^parts: Train\/ look.*name them train\//],
  'images without class folders': [
    intoRun('one/circle'),
    1,
    /^one\/circle: holds images but no class/,
  ],
  'images of which none can be decoded': [
    intoRun('damaged'),
    1,
    /^damaged: none of its images can be decoded/,
  ],
  'a manifest without its columns': [intoRun('columns.csv'), 1, /^columns.csv: .*path,label/],
  'IDX files of different counts': [
    intoRun('images.idx,labels.idx'),
    1,
    /^images.idx holds 2 images but labels.idx holds 3 labels/,
  ],
  'a file that is no data': [intoRun('text.onnx'), 1, /^text.onnx: not a data set; give/],
  'a class with too few labels': [
    intoRun('shapes', '--labels-per-class', '1'),
    1,
    /^shapes: no class has two labelled images/,
  ],
  'test images of an unknown class': [
    intoRun('shapes', '--test', 'damaged'),
    1,
    /^damaged: .*class "a".*"circle", "square"/,
  ],
  'a missing backbone': [intoRun('shapes', '--backbone', 'no.onnx'), 1, /^no.onnx: no such file/],
  'a truncated backbone': [
    intoRun('shapes', '--backbone', 'cut.onnx'),
    1,
    /^cut.onnx: .*truncated/,
  ],
  'a text as backbone': [
    intoRun('shapes', '--backbone', 'text.onnx'),
    1,
    /^text.onnx: not an ONNX/,
  ],
  'a folder as backbone': [intoRun('shapes', '--backbone', 'empty'), 1, /^empty: is a folder/],
  'a backbone with a foreign operator': [
    intoRun('shapes', '--backbone', 'foreign.onnx'),
    1,
    /^foreign.onnx: .*Secret/,
  ],
  'a backbone that takes no images': [
    intoRun('shapes', '--backbone', 'vectors.onnx'),
    1,
    /^vectors.onnx: a backbone takes .*\[N, 12\]/,
  ],
  'a normalization for a backbone that takes pixels': [
    intoRun('shapes', '--backbone', 'known.onnx', '--mean', '0.5'),
    2,
    /^known.onnx: takes pixels as they are.*leave out --mean/,
  ],
  'an unknown strategy': [
    intoRun('shapes', '--strategies', 'magic'),
    2,
    /"magic".*scratch,transfer/,
  ],
  'choices for a network that nothing reuses': [
    intoRun('shapes', '--strategies', 'scratch', '--thaw', '2'),
    2,
    /^--reuse, --thaw, .* are for strategies that reuse a network/,
  ],
  'pixels for a backbone that is not there': [
    intoRun('shapes', '--backbone', 'none', '--mean', '0.5'),
    2,
    /^--mean and --std say how a backbone wants its pixels: give one with --backbone/,
  ],
  'transfer without a backbone': [
    intoRun('shapes', '--strategies', 'transfer'),
    2,
    /transfer: no backbone was given.*--backbone/,
  ],
  'a run folder that is a file': [['fit', 'shapes', '-o', 'file'], 2, /^file: is a file/],
  'a run folder inside a file': [['fit', 'shapes', '-o', 'file/run'], 2, /^file\/run: /],
  'a run folder that is not empty': [['fit', 'shapes', '-o', 'one'], 2, /^one: is not empty/],
  'a missing output': [['fit', 'shapes'], 2, /--output/],
  'a seed that is no number': [intoRun('shapes', '--seed', ''), 2, /--seed.*whole number from 0/],
  'an unknown option': [intoRun('shapes', '--jsn'), 2, /--jsn.*Did you mean --json.*fit --help/],
  'too many arguments': [intoRun('shapes', 'one'), 2, /too many arguments/],
  'an unknown command': [['fti'], 2, /'fti'.*Did you mean fit/],
  'a model that is not there': [['evaluate', 'no.onnx', 'shapes'], 1, /^no.onnx: no such file/],
  'images of a class that the model does not know': [
    ['evaluate', 'known.onnx', 'shapes'],
    1,
    /^shapes: .*class "square".*"circle", "hexagon"/,
  ],
  'images to evaluate that cannot be decoded': [
    ['evaluate', 'ab.onnx', 'damaged'],
    1,
    /^damaged: none of the images can be decoded/,
  ],
  'a model that is not from Graft': [
    ['predict', 'backbone.onnx', 'shapes/circle/0.png'],
    1,
    /^backbone.onnx: not a classifier that Graft exported/,
  ],
  'a folder without a run': [
    ['predict', 'empty', 'shapes/circle/0.png'],
    1,
    /^empty: not the folder of a run/,
  ],
  'a run without a model yet': [
    ['evaluate', 'unfinished', 'shapes'],
    1,
    /^unfinished: this run has no model yet: .*"graft resume unfinished"/,
  ],
  'a text to inspect': [['inspect', 'text.onnx'], 1, /^text.onnx: not an ONNX model/],
  'a foreign operator to inspect': [['inspect', 'foreign.onnx'], 1, /^foreign.onnx: .*Secret/],
  'a report of no run': [['report', 'empty'], 1, /^empty: not the folder of a run/],
  'a resumption of no run': [['resume', 'nowhere'], 1, /^nowhere: no such folder/],
}

describe('one line says what is wrong, and nothing is left behind, for', () => {
  it.concurrent.each(Object.entries(refusals))('%s', async (_, [args, expected, message]) => {
    const { code, stdout, stderr } = await graft(folder.path, ...args)
    const lines = stderr.split('\n')
    expect(lines.pop()).toBe('')
    const said = lines.filter((line) => !/^(reading images$|skipped )/.test(line))
    expect(said).toEqual([expect.stringMatching(/^graft: /)])
    expect(said[0]?.replace('graft: ', '')).toMatch(message)
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  })
})

it('leaves no run folder after all that', async () => {
  expect(await readdir(at('runs'))).toEqual([])
  expect((await readdir(at('one'))).concat(await readdir(at('empty')))).toEqual(['circle'])
})

it('takes a folder again that a run left when it was killed before it began', async () => {
  await mkdir(at('begun/checkpoints'), { recursive: true })
  await writeFile(at('begun/events.jsonl'), '{"type":"decode"}\n')
  const { stderr } = await graft(folder.path, 'fit', 'nowhere', '-o', 'begun')
  expect(stderr).toBe('graft: nowhere: no such file or folder\n')
  expect(await readdir(at('begun'))).toEqual([])
})

it('leaves nothing or what can be resumed when it is interrupted at once', async () => {
  const { kill, ended } = start(folder.path, ['fit', 'shapes', '-o', 'early'])
  const logged = () => existsSync(at('early/events.jsonl'))
  while (!logged()) await new Promise((resolve) => setTimeout(resolve, 2))
  kill('SIGINT')
  const { code, stdout, stderr } = await ended
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toMatch(/^interrupted: (run it again|go on with "graft resume early")\n$/m)
  expect((await readdir(folder.path)).includes('early')).toBe(stderr.includes('graft resume'))
})

const isRoot = process.getuid?.() === 0
it.skipIf(isRoot || process.platform === 'win32')(
  'refuses a folder that it may not write to (root may write everywhere)',
  async () => {
    await mkdir(at('locked'))
    await chmod(at('locked'), 0o555)
    const { code, stderr } = await graft(folder.path, 'fit', 'shapes', '-o', 'locked/run')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'graft: locked/run: cannot be made: permission denied: give another folder to -o\n',
    )
  },
)
