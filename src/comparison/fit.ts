import { readFile } from 'node:fs/promises'
import { decodeImages, type LabelledImages, takeLabelled } from '../data/decode-images.ts'
import { findDuplicates } from '../data/duplicates.ts'
import { fingerprint } from '../data/fingerprint.ts'
import { stratifiedFolds } from '../data/folds.ts'
import type { Images } from '../data/pixels.ts'
import { probeImageSize } from '../data/probe.ts'
import type { LabelledItem, Source } from '../data/source.ts'
import { GraftError, inFile } from '../errors.ts'
import { readModel } from '../graph/read.ts'
import { createRandom } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { designFor } from '../training/design.ts'
import { exportModel, openExportedModel } from '../training/exported-model.ts'
import { type Normalization, numbersIn } from '../training/normalization.ts'
import { asProgress, type Strategy, type Task } from '../training/task.ts'
import { cutBackbone } from '../transfer/backbone.ts'
import { choicesIn, type ReuseChoices, resolveChoices } from '../transfer/choices.ts'
import type { EasyLabels } from '../transfer/pretrained-backbone.ts'
import { version } from '../version.ts'
import { chooseStrategy, type FitEvent } from './choose-strategy.ts'
import { type EasyLabelsConfiguration, openEasyLabels } from './easy-labels.ts'
import { evaluate } from './evaluate.ts'
import { digestFrozen } from './frozen-tensors.ts'
import { anyBackbone, type OpenedBackbone, openBackbone } from './open-backbone.ts'
import { decodeLabelled, namedOnce, openData, poolOf } from './read-images.ts'
import type { RunRecord } from './record.ts'
import type { RunFolder } from './run-folder.ts'
import { needBackbone, strategiesNamed } from './strategies.ts'

/** The settings of a run, as `run.json` keeps them. */
export type FitConfiguration = {
  readonly data: string
  /** A path, an address, `owner/name` on the hub, or "auto" for one that suits; null for none. */
  readonly backbone: string | null
  readonly strategies: string
  readonly unlabelled: string | null
  readonly test: string | null
  readonly labelsPerClass: number | null
  readonly seed: number
  /** Seconds. */
  readonly budget: number
  readonly mean: string | null
  readonly std: string | null
} & EasyLabelsConfiguration &
  Partial<ReuseChoices>

export type FitResult = {
  readonly record: RunRecord
  /** The labelled images at a small size, for the report. */
  readonly samples: LabelledImages
}

/** With more labels, fewer folds measure as well; with few, one way to deal them out decides little. */
const foldCount = (labels: number) => (labels <= 1000 ? 5 : 3)
const repeatCount = (labels: number) => Math.min(Math.max(Math.round(60 / labels), 1), 3)

/** Multiply-adds a second that a training step is counted on to make; the plan must not depend on the clock, or resuming would. */
const multiplyAddsPerSecond = 12e9

/**
 * Tries the strategies on equal folds of the labelled images, chooses one, trains it on all of them and measures it once on the test
 * images. Everything is written to the run folder as it comes; finished folds of an interrupted run are taken up again.
 *
 * @param began the record of the same run where it is resumed
 * @throws GraftError `bad-input` for data or a backbone that cannot be used, and where one of them changed since the run began; `bad-usage`
 * for unknown strategies, and where none can be tried
 */
export async function* fit(
  configuration: FitConfiguration,
  folder: RunFolder,
  runtime: Runtime,
  began: RunRecord | null = null,
): AsyncGenerator<FitEvent, FitResult> {
  const random = createRandom(configuration.seed)
  const { labelsPerClass } = configuration
  const isWanted = needBackbone(configuration.strategies).length > 0
  const given = givenNormalization(configuration.mean, configuration.std)
  const { source, short } = await openData(configuration)
  const dataFingerprint = fingerprint(source)
  if (began && began.data.fingerprint !== dataFingerprint) {
    throw changed(configuration.data)
  }
  const nativeSize = await probeImageSize(source.train)
  if (!nativeSize) {
    throw new GraftError('bad-input', `${configuration.data}: none of the images can be decoded`)
  }
  const spec = configuration.backbone === anyBackbone && !isWanted ? null : configuration.backbone
  const multiplyAdds = (configuration.budget * multiplyAddsPerSecond) / 4
  const need = { ...nativeSize, images: source.train.length, multiplyAdds }
  const { backbone, missing } = yield* openBackbone(spec, need, began)
  const backboneDigest = backbone?.digest ?? null
  if (began && began.backboneDigest !== backboneDigest) {
    throw changed(began.backbone?.name ?? `${spec}`)
  }
  const easy = await openEasyLabels(configuration, source)
  for (const what of ['related', 'rule'] as const) {
    if (began && (began.easyLabels?.[what] ?? null) !== easy.digests[what]) {
      throw changed(`${configuration[what]}`)
    }
  }
  if (given && !backbone && missing === null) {
    throw new GraftError(
      'bad-usage',
      '--mean and --std say how a backbone wants its pixels: give one with --backbone, and transfer among --strategies',
    )
  }
  const strategies = await openStrategies(
    configuration,
    { backbone, missing },
    given,
    easy.labels,
    runtime,
  )
  for (const { label, count } of short) {
    const sentence = `class "${source.classes[label]}" has ${count} labelled images, not ${labelsPerClass}: all are used`
    yield { type: 'notice', sentence }
  }
  const skips = namedOnce()
  const labelled = yield* skips.of(decodeLabelled(source, designFor(nativeSize).size))
  const { classes, labels } = labelled
  if (
    began &&
    (began.data.labelled !== labels.length || `${began.data.classes}` !== `${classes}`)
  ) {
    throw changed(configuration.data)
  }
  const folds = await inFile(configuration.data, () =>
    stratifiedFolds(
      labels,
      foldCount(labels.length),
      random.fork('folds'),
      repeatCount(labels.length),
    ),
  )
  const testToTrain = folds[0] ? folds[0].validation.length / folds[0].train.length : 0

  const blank: RunRecord = {
    format: 1,
    status: 'running',
    graft: version,
    created: began?.created ?? new Date().toISOString(),
    startedIn: process.cwd(),
    configuration: { ...configuration, ...choicesIn(configuration) },
    versions: {
      node: process.versions.node,
      [runtime.name]: runtime.version,
      platform: process.platform,
    },
    device: runtime.device,
    data: {
      path: configuration.data,
      kind: source.kind,
      classes,
      labelled: labels.length,
      unlabelled: source.unlabelled.length,
      test: source.test?.length ?? 0,
      imageSize: nativeSize,
      skipped: skips.all(),
      fingerprint: dataFingerprint,
    },
    backboneDigest,
    backbone: backbone?.record ?? null,
    easyLabels: easy.digests,
    strategies: [],
    chosen: null,
    verdict: null,
    verdictSentence: null,
    test: null,
  }
  await folder.writeRecord(blank)
  if (missing !== null) yield { type: 'notice', sentence: missing }

  const available = strategies.filter(({ unavailable }) => unavailable === null)
  const task: Task = {
    classes,
    labels,
    folds,
    nativeSize,
    images: labelled.images,
    pool: poolOf(source),
    multiplyAdds:
      (configuration.budget * multiplyAddsPerSecond) / Math.max(available.length, 1) / 2,
    random,
    runtime,
    checkpoints: folder.checkpoints,
  }
  /** With the files that turned out to be unusable meanwhile. */
  const read = (): RunRecord['data'] => ({ ...blank.data, skipped: skips.all() })
  const { records, judgement, model } = yield* skips.of(
    chooseStrategy(strategies, task, testToTrain, (done) =>
      folder.writeRecord({ ...blank, data: read(), strategies: done }),
    ),
  )
  await folder.writeModel(exportModel(model, classes))
  const frozen = model.frozen && digestFrozen(model.frozen, readModel(await readFile(folder.model)))
  const trained = yield* task.images(model.size)
  const measured = measureTest(folder, source, classes, trained, runtime)
  const test = yield* skips.of(measured)
  const record: RunRecord = {
    ...blank,
    status: 'done',
    data: read(),
    strategies: records,
    chosen: judgement.chosen.name,
    verdict: judgement.verdict,
    verdictSentence: judgement.sentence,
    test,
    frozen: frozen ?? null,
  }
  await folder.writeRecord(record)
  const images = yield* task.images(designFor(nativeSize).size)
  return { record, samples: { images, labels } }
}

const changed = (path: string) =>
  new GraftError(
    'bad-input',
    `${path}: has changed since the run began: put it back, or start a new run with "graft fit"`,
  )

/** Opens the strategies before any time is spent: a backbone that cannot be used stops the run. */
async function openStrategies(
  configuration: FitConfiguration,
  { backbone: opened, missing }: { backbone: OpenedBackbone | null; missing: string | null },
  given: Normalization | null,
  easyLabels: EasyLabels,
  runtime: Runtime,
): Promise<Strategy[]> {
  const backbone = opened && { ...opened, name: opened.record.name }
  if (given && backbone?.graph.inputs[0]?.type === 'uint8') {
    throw new GraftError(
      'bad-usage',
      `${backbone.name}: takes pixels as they are, from 0 to 255: leave out --mean and --std`,
    )
  }
  const normalization = given ?? backbone?.normalization ?? null
  const choices = choicesIn(configuration)
  const options = { backbone, normalization, choices, easyLabels }
  const strategies = strategiesNamed(configuration.strategies, options, {
    unlabelled: configuration.unlabelled,
    missing,
  })
  if (backbone) {
    await inFile(backbone.name, async () =>
      resolveChoices(await cutBackbone(backbone.graph, runtime), choices),
    )
  }
  return strategies
}

function givenNormalization(mean: string | null, std: string | null): Normalization | null {
  if (mean === null && std === null) return null
  const [means, deviations] = [numbersIn(mean ?? '0', 3), numbersIn(std ?? '1', 3)]
  if (!means || !deviations?.every((deviation) => deviation > 0)) {
    throw new GraftError(
      'bad-usage',
      '--mean and --std take one number or three, such as 0.485,0.456,0.406; those of --std are above 0',
    )
  }
  return { name: '--mean and --std', mean: means, std: deviations, order: 'RGB' }
}

async function* measureTest(
  folder: RunFolder,
  source: Source,
  classes: readonly string[],
  train: Images,
  runtime: Runtime,
): AsyncGenerator<FitEvent, RunRecord['test']> {
  const items = (source.test ?? []).flatMap((item): LabelledItem[] => {
    const label = classes.indexOf(source.classes[item.label] as string)
    return label < 0 ? [] : [{ ...item, label }]
  })
  if (items.length === 0) return null
  const test = yield* decodeImages('test', items, train)
  if (test.images.count === 0) {
    yield {
      type: 'notice',
      sentence: 'none of the test images can be decoded: nothing is measured',
    }
    return null
  }
  const seen = new Map(findDuplicates(train, test.images).map((pair) => [pair.test, pair.train]))
  for (const [file, twin] of seen) {
    const reason = `a test image that is the same picture as ${twin} of the training images`
    yield { type: 'skipped', part: 'test', file, reason }
  }
  const unseen = [...test.images.names.keys()].filter(
    (index) => !seen.has(test.images.names[index] as string),
  )
  if (unseen.length === 0) {
    yield {
      type: 'notice',
      sentence: 'all test images are training images too: nothing is measured',
    }
    return null
  }
  const model = await openExportedModel(folder.model)
  return yield* asProgress('test', evaluate(model, takeLabelled(test, unseen), runtime))
}
