import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint } from '../data/fingerprint.ts'
import { closing } from '../data/image-stream.ts'
import { openImages } from '../data/open-source.ts'
import { decodePool } from '../data/pool.ts'
import { probeImageSize } from '../data/probe.ts'
import { GraftError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import { writeModel } from '../graph/write.ts'
import type { Pictures } from '../pretraining/method.ts'
import { checkVariant, countLearned, methodNamed, usualEpochs } from '../pretraining/methods.ts'
import { createRandom } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { designFor } from '../training/design.ts'
import type { Checkpoints, StrategyEvent } from '../training/task.ts'
import { version } from '../version.ts'
import { checkpointsIn } from './checkpoints.ts'
import type { LoadedRule } from './load-rule.ts'

export type PretrainConfiguration = {
  readonly method: string
  readonly data: string
  /** The backbone to write. */
  readonly output: string
  /** Null for the method's usual one. */
  readonly variant: string | null
  readonly unlabelled: string | null
  /** Null for as many as the method is worth. */
  readonly epochs: number | null
  readonly seed: number
}

export type PretrainResult = {
  readonly method: string
  readonly images: number
  readonly epochs: number
  readonly seconds: number
  readonly loss: { readonly first: number; readonly last: number }
  readonly backbone: string
  readonly pictures: Pictures | null
}

/**
 * Pretrains a network for the size of the images by a method and writes it as a backbone for `graft fit`. What was done is kept beside the
 * output until the end: the same call goes on where it was stopped, to the same bits.
 *
 * @param rule for the method that learns from one
 * @throws GraftError `bad-usage` for an unknown method or variant, `bad-input` for data that cannot be used and where a test image would be seen
 */
export async function* pretrain(
  configuration: PretrainConfiguration,
  runtime: Runtime,
  rule: LoadedRule | null = null,
): AsyncGenerator<StrategyEvent, PretrainResult> {
  const { data, output, seed, unlabelled } = configuration
  const start = performance.now()
  const method = methodNamed(configuration.method)
  const variant = configuration.variant ?? method.variants[0]
  checkVariant(method, variant)
  if (method.needs === 'rule' && !rule) {
    throw new GraftError('bad-usage', `${method.name}: give a module with a rule: --rule FILE.mjs`)
  }
  if (method.needs !== 'rule' && rule) {
    throw new GraftError(
      'bad-usage',
      `${method.name} does not learn from a rule: leave out --rule, or pretrain with "rules"`,
    )
  }
  if (statSync(output, { throwIfNoEntry: false })?.isDirectory()) {
    throw new GraftError(
      'bad-usage',
      `${output} is a folder: give the name of a file, such as -o ${join(output, `${method.name}.onnx`)}`,
    )
  }
  const random = createRandom(seed)
  const source = await openImages(data, unlabelled)
  for (const skip of source.skipped) yield { type: 'skipped', ...skip }
  const nativeSize = await probeImageSize([...source.train, ...source.unlabelled])
  if (!nativeSize) throw new GraftError('bad-input', `${data}: none of the images can be decoded`)
  const architecture = designFor(nativeSize)
  const { images, labels } = yield* decodePool(source, architecture.size)
  if (images.count < 2) {
    throw new GraftError('bad-input', `${data}: pretraining needs two images at least`)
  }
  if (method.needs === 'labels' || method.semiSupervised?.includes(variant)) {
    yield {
      type: 'notice',
      sentence: `${method.name} learns from the labels of ${data}: reuse the backbone for other labelled images, since on these it knows the held-out labels of every fold`,
    }
  }
  const given = { classes: source.classes, labels }
  const task = { images, labels: given, ...(rule && { rule: rule.rule }) }
  const count = await countLearned(method, task)
  const epochs = configuration.epochs ?? usualEpochs(method, count)
  const plan = {
    ...configuration,
    output: '',
    variant,
    epochs,
    version,
    rule: rule?.digest ?? null,
  }
  const checkpoints = checkpointsBeside(output, JSON.stringify([plan, fingerprint(source)]))
  const pretrained = yield* closing(
    images,
    method.pretrain({
      ...task,
      architecture,
      variant,
      epochs,
      probe: given,
      random: random.fork(method.name),
      runtime,
      checkpoints,
    }),
  )
  const metadata = {
    'graft.version': version,
    'graft.pretraining': `${method.name} ${variant}`,
    'graft.architecture': architecture.name,
    'graft.images': String(count),
    'graft.epochs': String(epochs),
    'graft.seed': String(seed),
  }
  await writeFileAtomic(output, writeModel({ ...pretrained.graph, name: 'graft', metadata }))
  checkpoints.clear()
  return {
    method: method.name,
    images: count,
    epochs,
    seconds: Math.round((performance.now() - start) / 100) / 10,
    loss: pretrained.loss,
    backbone: output,
    pictures: pretrained.pictures,
  }
}

/** Checkpoints in a folder beside a file, under names that only the same work has; the folder is made with the first. */
function checkpointsBeside(output: string, work: string): Checkpoints & { clear(): void } {
  const folder = `${output}.checkpoints`
  const id = createHash('sha256').update(work).digest('hex').slice(0, 16)
  const { load, save } = checkpointsIn(folder)
  return {
    load: (key) => load(`${id}-${key}`),
    async save(key, value) {
      if (!existsSync(folder)) mkdirSync(folder, { recursive: true })
      await save(`${id}-${key}`, value)
    },
    clear: () => rmSync(folder, { recursive: true, force: true }),
  }
}
