import { denoisingPlan } from '../../src/pretraining/autoencoder.ts'
import { contrastivePlan } from '../../src/pretraining/contrastive.ts'
import { maskInput, noiseInput } from '../../src/pretraining/corruption.ts'
import { ganPlan } from '../../src/pretraining/gan.ts'
import { nudgeInput } from '../../src/pretraining/gan-games.ts'
import { latentInput } from '../../src/pretraining/gan-monitor.ts'
import { pixelsInput } from '../../src/training/normalization.ts'
import { cnn, selfNormalizing, wide } from '../networks.ts'
import type { Row } from '../row.ts'
import { compileRow } from './compile-step.ts'
import { gemm } from './gemm.ts'
import { headEpoch } from './head-epoch.ts'
import { help } from './help.ts'
import { peakMemory } from './peak-memory.ts'
import { pretrainingStep } from './pretraining-step.ts'
import { tensorflow } from './tensorflow.ts'
import { trainingStep } from './training-step.ts'

const cnnRow = {
  network: cnn,
  batch: 128,
  repetitions: 5,
  others: [
    { layout: 'contiguous' },
    { layout: 'channels_last' },
    { layout: 'contiguous', memory: 'returned' },
  ],
} as const

const layouts = [{ layout: 'contiguous' }, { layout: 'channels_last' }] as const

const importedRow = { optimizer: 'momentum', batch: 32, repetitions: 8, others: layouts } as const
const resnet = { name: 'resnet18', input: [3, 64, 64] } as const
const vit = { name: 'vit', input: [3, 32, 32], batchStatistics: false } as const
const mobilenet = { name: 'mobilenet_v2', input: [3, 96, 96] } as const

/** Every row of the table, in its order. */
export const rows: readonly Row[] = [
  gemm,
  trainingStep({
    ...cnnRow,
    name: 'cnn-sgd',
    what: 'a step of the two-convolution network, batch 128, SGD',
    optimizer: 'sgd',
    limit: { ratio: 0.8 },
  }),
  trainingStep({
    ...cnnRow,
    name: 'cnn-adam',
    what: 'the same with Adam',
    optimizer: 'adam',
    limit: { ratio: 1 },
  }),
  trainingStep({
    ...cnnRow,
    name: 'cnn-momentum',
    what: 'the same with momentum',
    optimizer: 'momentum',
    limit: null,
  }),
  trainingStep({
    name: 'mlp-selu',
    what: 'a step of a 300-100-50-50-50 SELU network, batch 32, SGD',
    network: selfNormalizing,
    optimizer: 'sgd',
    batch: 32,
    repetitions: 300,
    others: [{ layout: 'contiguous' }, { layout: 'contiguous', threads: 1 }],
    limit: null,
  }),
  trainingStep({
    name: 'adam-4m',
    what: 'a step of a layer of 4 million weights on one example, Adam',
    network: wide,
    optimizer: 'adam',
    learningRate: 1e-6,
    batch: 1,
    repetitions: 32,
    others: [{ layout: 'contiguous' }],
    limit: { ratio: 1.2 },
  }),
  trainingStep({
    ...importedRow,
    name: 'mobilenet-frozen',
    what: 'a step of MobileNetV2 at 96x96, batch 32, statistics frozen',
    network: { ...mobilenet, batchStatistics: false },
    limit: { ratio: 0.7 },
  }),
  trainingStep({
    ...importedRow,
    name: 'mobilenet-training',
    what: 'the same with the statistics of the batch',
    network: { ...mobilenet, batchStatistics: true },
    limit: { ratio: 0.75 },
  }),
  trainingStep({
    ...importedRow,
    name: 'resnet-frozen',
    what: 'a step of ResNet-18 at 64x64, batch 32, statistics frozen',
    network: { ...resnet, batchStatistics: false },
    limit: { ratio: 1 },
  }),
  trainingStep({
    ...importedRow,
    name: 'resnet-training',
    what: 'the same with the statistics of the batch',
    network: { ...resnet, batchStatistics: true },
    limit: { ratio: 1.1 },
  }),
  trainingStep({
    ...importedRow,
    name: 'vit',
    what: 'a step of a ViT of 12 layers of width 192 on 65 tokens, batch 32',
    network: vit,
    others: [{ layout: 'contiguous' }],
    limit: { ratio: 1 },
  }),
  pretrainingStep({
    name: 'autoencoder',
    what: 'a step of the denoising autoencoder on images of 28x28, batch 128, AdamW',
    method: 'autoencoder',
    plan: denoisingPlan,
    inputs: [pixelsInput, noiseInput, maskInput],
    repetitions: 5,
    limit: { ratio: 0.8 },
  }),
  pretrainingStep({
    name: 'gan',
    what: 'a step of both networks of the GAN on images of 28x28, batch 64, Adam',
    method: 'gan',
    plan: async (options) => (await ganPlan(options)).plan,
    inputs: [pixelsInput, nudgeInput, latentInput],
    repetitions: 5,
    limit: { ratio: 0.8 },
  }),
  pretrainingStep({
    name: 'contrastive',
    what: 'a step on two views each of 128 images of 28x28, AdamW',
    method: 'contrastive',
    plan: contrastivePlan,
    inputs: [pixelsInput],
    repetitions: 4,
    limit: { ratio: 0.9 },
  }),
  compileRow({
    name: 'compile',
    what: 'compiling a step of ResNet-50 at 64x64, batch 32',
    limit: { ms: 3000 },
    again: false,
  }),
  compileRow({
    name: 'compile-again',
    what: 'the same from the cache',
    limit: null,
    again: true,
  }),
  tensorflow('cpu'),
  tensorflow('wasm'),
  headEpoch,
  help,
  peakMemory({
    name: 'cnn-memory',
    what: 'peak memory of the training of the two-convolution network, batch 128, SGD',
    network: cnn,
    optimizer: 'sgd',
    batch: 128,
  }),
  peakMemory({
    name: 'mobilenet-memory',
    what: 'the same of MobileNetV2 at 96x96, batch 32, momentum, statistics of the batch',
    network: { ...mobilenet, batchStatistics: true },
    optimizer: 'momentum',
    batch: 32,
  }),
  peakMemory({
    name: 'resnet-memory',
    what: 'the same of ResNet-18 at 64x64',
    network: { ...resnet, batchStatistics: true },
    optimizer: 'momentum',
    batch: 32,
  }),
  peakMemory({
    name: 'vit-memory',
    what: 'the same of the ViT of the row vit',
    network: vit,
    optimizer: 'momentum',
    batch: 32,
  }),
  peakMemory({
    name: 'adam-4m-memory',
    what: 'the same of a layer of 4 million weights on one example, Adam',
    network: wide,
    optimizer: 'adam',
    learningRate: 1e-6,
    batch: 1,
  }),
]
