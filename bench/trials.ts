import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stratifiedFolds } from '../src/data/folds.ts'
import type { Images } from '../src/data/pixels.ts'
import { GraftError } from '../src/errors.ts'
import { finish } from '../src/events.ts'
import { writeFileAtomic } from '../src/files.ts'
import { readModel } from '../src/graph/read.ts'
import { createRandom } from '../src/random.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import {
  type Normalization,
  takePixels,
  usualNormalizations,
} from '../src/training/normalization.ts'
import type { Task } from '../src/training/task.ts'
import { cutBackbone } from '../src/transfer/backbone.ts'
import { cacheFeatures } from '../src/transfer/cached-features.ts'
import type { Depth } from '../src/transfer/depths.ts'
import { probeFolds } from '../src/transfer/probe.ts'
import { findPytorch, howToInstall, startPytorch, writeNumbers } from './pytorch.ts'

const [count, side, classes, folds] = [100, 224, 5, 5]
/** Those that `probeFolds` tries, in its order. */
const penalties = [10, 100, 10, 100, 1000]

/**
 * How long it takes to try five regularizations of an output layer on five folds of 100 images, on a frozen MobileNetV2 at 224 pixels: as
 * `fit` does it, and as it is plainly written in PyTorch.
 */
export async function measureTrials(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      epochs: { type: 'string', default: '10' },
      results: { type: 'string' },
    },
  })
  const pytorch = findPytorch()
  if (!pytorch) throw new GraftError('bad-usage', howToInstall)
  const folder = await mkdtemp(join(tmpdir(), 'graft-bench-'))
  try {
    const random = createRandom('trials')
    const pixels = Uint8Array.from({ length: count * side * side * 3 }, () => random.integer(256))
    const labels = Int32Array.from({ length: count }, (_, index) => index % classes)
    const model = join(folder, 'mobilenet_v2.onnx')
    const numbers = [
      Float32Array.from(pixels, (value) => value / 127.5 - 1),
      Float32Array.from(labels),
    ]
    const data = await writeNumbers(folder, 'trials', numbers)
    const threads = availableParallelism()
    const epochs = Number(values.epochs)
    const settings = { data, model, count, side, classes, folds, penalties, epochs, repetitions: 1 }
    const other = await startPytorch(pytorch, 'PyTorch', 'trials.py', { ...settings, threads })
    const images: Images = {
      ...{ height: side, width: side, channels: 3, count, data: pixels },
      names: Array.from(labels, String),
    }
    const start = performance.now()
    await ours(new Uint8Array(await readFile(model)), images, labels)
    const graft = performance.now() - start
    console.log(
      `Graft: ${(graft / 1000).toFixed(1)} s, each fit to the minimum on five views of every image`,
    )
    const { values: times } = await other.round()
    await other.close()
    const plain = times[0] as number
    console.log(
      `PyTorch ${pytorch.version}: ${(plain / 1000).toFixed(1)} s, each fit ${epochs} epochs`,
    )
    console.log(`${(plain / graft).toFixed(1)} times as fast`)
    if (values.results) {
      const result = { count, side, classes, folds, penalties, epochs, threads, graft, plain }
      await writeFileAtomic(values.results, `${JSON.stringify(result, null, 2)}\n`)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Everything from the bytes of the network to the output layers of all folds. */
async function ours(bytes: Uint8Array, images: Images, labels: Int32Array): Promise<void> {
  const random = createRandom(0)
  const backbone = await cutBackbone(readModel(bytes), nodeRuntime)
  const [normalization] = usualNormalizations(3) as [Normalization]
  const network = takePixels(backbone.open, backbone.image, normalization)
  const top = backbone.depths.at(-1) as Depth
  const task = {
    classes: Array.from({ length: classes }, (_, label) => `${label}`),
    labels,
    folds: stratifiedFolds(labels, folds, random.fork('folds')),
    random,
    runtime: nodeRuntime,
  } as unknown as Task
  const views = { count: 4, random: random.fork('views') }
  const cached = await finish(cacheFeatures(task, network, [top], images, { least: 1, views }))
  await finish(
    probeFolds(task, () => ({ kind: 'linear', features: cached.at(top), widths: [top.features] })),
  )
}
