import { cnn, selfNormalizing } from '../networks.ts'
import type { Row } from '../row.ts'
import { gemm } from './gemm.ts'
import { headEpoch } from './head-epoch.ts'
import { help } from './help.ts'
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

/** Every row of the table, in its order. */
export const rows: readonly Row[] = [
  gemm,
  trainingStep({
    ...cnnRow,
    name: 'cnn-sgd',
    what: 'a step of the two-convolution network, batch 128, SGD',
    optimizer: 'sgd',
    limit: { ratio: 1 },
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
  headEpoch,
  help,
]
