// Training steps of the network `cnn` of bench/networks.ts in TensorFlow.js, on the backend of the settings.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import '@tensorflow/tfjs-backend-cpu'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { refuse, serve } from '../serve.ts'

const { backend, batch, input, learningRate, data, checked, repetitions } = JSON.parse(
  process.argv[2],
)
const [channels, height, width] = input
const { resolve } = createRequire(import.meta.url)
setWasmPaths(`${dirname(resolve('@tensorflow/tfjs-backend-wasm'))}/`)
tf.enableProdMode()
await tf.setBackend(backend)

const same = { kernelSize: 3, padding: 'same', activation: 'relu' }
const model = sequential({
  layers: [
    layers.conv2d({ ...same, filters: 32, inputShape: [height, width, channels] }),
    layers.conv2d({ ...same, filters: 64 }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 128, activation: 'relu' }),
    layers.dense({ units: 10 }),
  ],
})

const { buffer, byteOffset, byteLength } = await readFile(data)
let values = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
/** The next numbers of the file, as a tensor of these dimensions with its axes in another order. */
function take(dims, order) {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const tensor = tf.tensor(values.subarray(0, size), dims)
  values = values.subarray(size)
  return order ? tf.transpose(tensor, order) : tensor
}

/** Kernels are [height, width, C, F] here, and pixels come before channels, also where a map is flattened. */
const [rows, columns] = [height / 2, width / 2]
const byPixel = [2, 3, 1, 0]
model.setWeights([
  take([32, channels, 3, 3], byPixel),
  take([32]),
  take([64, 32, 3, 3], byPixel),
  take([64]),
  tf.reshape(take([128, 64, rows, columns], [2, 3, 1, 0]), [rows * columns * 64, 128]),
  take([128]),
  take([10, 128], [1, 0]),
  take([10]),
])
const x = take([batch, channels, height, width], [0, 2, 3, 1])
const y = tf.oneHot(tf.cast(take([batch]), 'int32'), 10)

model.compile({
  optimizer: tf.train.sgd(learningRate),
  loss: (targets, logits) => tf.losses.softmaxCrossEntropy(targets, logits),
})
const step = () => model.trainOnBatch(x, y)
try {
  const losses = []
  for (let i = 0; i < checked; i++) losses.push(await step())
  await serve(losses, repetitions, step)
} catch (error) {
  refuse(error.message)
}
