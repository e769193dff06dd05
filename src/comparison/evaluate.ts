import type { LabelledImages } from '../data/decode-images.ts'
import type { Images } from '../data/pixels.ts'
import type { Runtime } from '../runtime/session.ts'
import { argmax, confusionMatrix, logLoss, recallPrecision } from '../statistics/classification.ts'
import { wilsonInterval } from '../statistics/proportions.ts'
import { imageExamples } from '../training/examples.ts'
import type { ExportedModel } from '../training/exported-model.ts'
import { compileForward } from '../training/forward.ts'
import { predict } from '../training/predict.ts'
import type { Evaluation } from './record.ts'

const batchSize = 32

export type Classifier = {
  /** Class probabilities of images, one row an image. */
  classify(
    images: Images,
  ): AsyncGenerator<{ readonly done: number; readonly total: number }, Float32Array[]>
  release(): Promise<void>
}

/** Compiles an exported model once, for any number of images. */
export async function openClassifier(
  { graph }: ExportedModel,
  runtime: Runtime,
): Promise<Classifier> {
  const forward = await compileForward(graph, [], runtime)
  const input = graph.inputs[0]?.name as string
  return {
    async *classify(images) {
      const all = Array.from({ length: images.count }, (_, index) => index)
      const size = Math.min(batchSize, Math.max(images.count, 1))
      const { data, columns } = yield* predict(forward, input, imageExamples(images), all, size)
      return all.map((row) => data.subarray(row * columns, (row + 1) * columns))
    },
    release: () => forward.release(),
  }
}

/** Measures a model on labelled images: the interval of the accuracy is Wilson's at 95 %. */
export async function* evaluate(
  model: ExportedModel,
  { images, labels }: LabelledImages,
  runtime: Runtime,
): AsyncGenerator<{ readonly done: number; readonly total: number }, Evaluation> {
  const classifier = await openClassifier(model, runtime)
  let probabilities: readonly Float32Array[]
  try {
    probabilities = yield* classifier.classify(images)
  } finally {
    await classifier.release()
  }
  const predictions = probabilities.map(argmax)
  const confusion = confusionMatrix(labels, predictions, model.classes.length)
  const right = predictions.filter((prediction, index) => prediction === labels[index]).length
  const { mean, low, high } = wilsonInterval(right, labels.length)
  return {
    accuracy: mean,
    low,
    high,
    n: labels.length,
    logLoss: logLoss(probabilities, labels),
    classes: recallPrecision(confusion).map(({ recall, precision, n }, index) => ({
      class: model.classes[index] as string,
      recall,
      precision,
      n,
    })),
    confusion,
  }
}
