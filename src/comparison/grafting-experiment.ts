import { indicesByClass } from '../data/labels.ts'
import type { Images } from '../data/pixels.ts'
import { finish, mapEvents } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { inputName, mlp } from '../nn/architectures.ts'
import type { Activation } from '../nn/layers.ts'
import { crossEntropy } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom, type Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { comparePaired, type PairedComparison } from '../statistics/paired.ts'
import { type Examples, imageExamples } from '../training/examples.ts'
import { compileForward, withParameters } from '../training/forward.ts'
import { scoreOf, type TrainingEvent, train } from '../training/loop.ts'
import { pixelsInput, takePixels } from '../training/normalization.ts'
import { predict, softmax } from '../training/predict.ts'
import { compileStep, type TrainingStep } from '../training/step.ts'

/** Labelled images of all classes, split into those to learn from and those to measure on. */
export type ExperimentData = {
  readonly train: { readonly images: Images; readonly labels: Int32Array }
  readonly test: { readonly images: Images; readonly labels: Int32Array }
}

export type ExperimentOptions = {
  /** The two classes that the second network tells apart; the first learns all others. */
  readonly pair: readonly [number, number]
  /** Units of the hidden layers. */
  readonly sizes: readonly number[]
  readonly activation: Activation
  /** Labels of the pair together. */
  readonly labels: number
  readonly seeds: number
}

type CurvePoint = Omit<TrainingEvent, 'type'>
type Run = { readonly accuracy: number; readonly curve: readonly CurvePoint[] }

export type SeedResult = {
  readonly seed: number
  /** Accuracy of the first network on the test images of its own classes. */
  readonly sourceAccuracy: number
  readonly scratch: Run
  readonly grafted: Run
}

export type ExperimentEvent =
  | {
      readonly type: 'progress'
      readonly phase: string
      readonly done: number
      readonly total: number
    }
  | ({ readonly type: 'seed' } & SeedResult)

export type ExperimentResult = {
  readonly seeds: readonly SeedResult[]
  /** Grafted against scratch over the seeds. */
  readonly comparison: PairedComparison
}

// The settings of the published experiment (Géron, Hands-On Machine Learning, chapter 11).
const epochs = 20
const frozenEpochs = 4
const learningRate = 1e-3
const batchSize = 32

/** The part of a data set with some of its classes, numbered anew in the order given. */
function onlyClasses(
  { images, labels }: ExperimentData['train'],
  classes: readonly number[],
): { readonly examples: Examples; readonly labels: Int32Array; readonly rows: readonly number[] } {
  const numbered = labels.map((label) => classes.indexOf(label))
  const rows = Array.from(numbered.keys()).filter((row) => (numbered[row] as number) >= 0)
  return { examples: imageExamples(images), labels: numbered, rows }
}

/** An equal number of rows of each class, chosen at random. */
function draw(
  labels: Int32Array,
  rows: readonly number[],
  count: number,
  random: Random,
): number[] {
  const classes = [...indicesByClass(rows.map((row) => labels[row] as number)).values()]
  return classes.flatMap((members) =>
    random
      .shuffle(members)
      .slice(0, Math.round(count / classes.length))
      .map((i) => rows[i] as number),
  )
}

/**
 * Does it help to graft? Network A learns all classes but two from all their images. Network B has to tell the two apart from few labels: once
 * from scratch, and once with the hidden layers of A, first frozen under a new output layer and then thawed. Every seed draws first
 * values, order and labels anew; both versions of B have the same labels and are measured on the same test images.
 */
export async function* graftingExperiment(
  data: ExperimentData,
  options: ExperimentOptions,
  runtime: Runtime,
): AsyncGenerator<ExperimentEvent, ExperimentResult> {
  const { pair, sizes, activation } = options
  const classes = [...new Set(data.train.labels)].sort((a, b) => a - b)
  const others = classes.filter((label) => !pair.includes(label))
  const source = { train: onlyClasses(data.train, others), test: onlyClasses(data.test, others) }
  const target = { train: onlyClasses(data.train, pair), test: onlyClasses(data.test, pair) }
  const network = (outputs: number, random: Random) =>
    perceptron(sizes, activation, outputs, random)

  const learn = await createLearner(network(others.length, createRandom(0)), runtime)
  const tell = await createLearner(network(pair.length, createRandom(0)), runtime)
  const seeds: SeedResult[] = []
  try {
    for (let seed = 0; seed < options.seeds; seed++) {
      const random = createRandom(seed)
      const phase = `seed ${seed + 1} of ${options.seeds}`
      const total = epochs
      const a = yield* progressOf(
        `${phase}: network A learns ${others.length} classes`,
        total,
        learn.fit(
          network(others.length, random.fork('A')),
          source.train,
          source.train.rows,
          epochs,
          random.fork('order A'),
        ),
      )
      const sourceAccuracy = await learn.accuracy(a.parameters, source.test)

      const rows = draw(
        target.train.labels,
        target.train.rows,
        options.labels,
        random.fork('labels'),
      )
      const fresh = network(pair.length, random.fork('B'))
      const order = random.fork('order B')
      const scratch = yield* progressOf(
        `${phase}: network B from scratch`,
        total,
        tell.fit(fresh, target.train, rows, epochs, order, target.test),
      )

      const reused = new Map([...a.parameters].filter(([name]) => name.startsWith('hidden')))
      const grafted = withParameters(fresh, reused)
      const head = await createLearner(grafted, runtime, (name) => name.startsWith('head'))
      const frozen = yield* progressOf(
        `${phase}: network B on frozen layers of A`,
        frozenEpochs,
        head.fit(grafted, target.train, rows, frozenEpochs, order.fork('frozen'), target.test),
      )
      await head.release()
      const thawed = yield* progressOf(
        `${phase}: network B on thawed layers of A`,
        epochs - frozenEpochs,
        tell.fit(
          withParameters(grafted, frozen.parameters),
          target.train,
          rows,
          epochs - frozenEpochs,
          order.fork('thawed'),
          target.test,
        ),
      )
      const later = thawed.curve.map((point) => ({ ...point, epoch: point.epoch + frozenEpochs }))
      const result: SeedResult = {
        seed,
        sourceAccuracy,
        scratch: runOf(scratch.curve),
        grafted: runOf([...frozen.curve, ...later]),
      }
      seeds.push(result)
      yield { type: 'seed', ...result }
    }
  } finally {
    await learn.release()
    await tell.release()
  }
  const accuracies = (side: 'scratch' | 'grafted') => seeds.map((seed) => seed[side].accuracy)
  return { seeds, comparison: comparePaired(accuracies('grafted'), accuracies('scratch')) }
}

function perceptron(
  sizes: readonly number[],
  activation: Activation,
  classes: number,
  random: Random,
): Graph {
  const graph = mlp([1, 28, 28], { sizes, activation, classes }, random)
  return takePixels(
    graph,
    { input: inputName, layout: 'NCHW', height: 28, width: 28, channels: 1 },
    { name: 'x/255', mean: [0], std: [1], order: 'RGB' },
  )
}

type Part = ReturnType<typeof onlyClasses>

type Learner = {
  fit(
    from: Graph,
    part: Part,
    rows: readonly number[],
    epochs: number,
    random: Random,
    test?: Part,
  ): AsyncGenerator<
    TrainingEvent,
    { parameters: ReadonlyMap<string, Tensor>; curve: readonly TrainingEvent[] }
  >
  accuracy(parameters: ReadonlyMap<string, Tensor>, part: Part): Promise<number>
  release(): Promise<void>
}

/** A compiled network that is trained again and again from other first values. */
async function createLearner(
  graph: Graph,
  runtime: Runtime,
  trains: (parameter: string) => boolean = () => true,
): Promise<Learner> {
  const trainable = [...graph.initializers.keys()].filter(trains)
  const step: TrainingStep = await compileStep(
    {
      graph,
      loss: crossEntropy(),
      inputs: { [pixelsInput]: { type: 'uint8', dims: [batchSize, 28, 28, 1] } },
      trainable,
      optimizer: sgd(),
    },
    runtime,
  )
  const forward = await compileForward(graph, trainable, runtime, { threads: 1 })
  return {
    fit(from, part, rows, count, random, test) {
      step.reset(from.initializers)
      return train({
        step,
        input: pixelsInput,
        examples: part.examples,
        labels: part.labels,
        train: rows,
        batchSize,
        epochs: count,
        learningRate,
        random,
        ...(test && { validation: { ...test, indices: test.rows, forward } }),
      })
    },
    async accuracy(parameters, { examples, labels, rows }) {
      const outputs = await finish(predict(forward, pixelsInput, examples, rows, 256, parameters))
      return scoreOf(
        softmax(outputs),
        rows.map((row) => labels[row] as number),
      ).accuracy
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}

const progressOf = <R>(
  phase: string,
  total: number,
  events: AsyncGenerator<TrainingEvent, R>,
): AsyncGenerator<ExperimentEvent, R> =>
  mapEvents(events, ({ epoch }) => ({ type: 'progress', phase, done: epoch, total }))

function runOf(curve: readonly TrainingEvent[]): Run {
  return { accuracy: curve.at(-1)?.validationAccuracy ?? 0, curve }
}
