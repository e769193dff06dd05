import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { GraftError } from '../../src/errors.ts'
import { cnn } from '../networks.ts'
import { createSide } from '../ours.ts'
import type { Missing, Opened, Place, Row } from '../row.ts'
import { startServed } from '../served.ts'
import { startTraining } from '../training.ts'
import { prepare } from './training-step.ts'

const folder = fileURLToPath(new URL('../tensorflow/', import.meta.url))

/** TensorFlow.js takes seconds for an image: what it takes grows with the batch, and so does ours. */
const batch = 8

/** The step of the two-convolution network beside TensorFlow.js, on one of its backends. */
export function tensorflow(backend: 'cpu' | 'wasm'): Row {
  const name = `tfjs-${backend}`
  const what = `a step of the two-convolution network, batch ${batch}, SGD, beside TensorFlow.js on ${backend}`
  return {
    name,
    what,
    limit: null,
    rounds: 3,
    warmUp: false,
    open: (place) => open(name, backend, place),
  }
}

async function open(name: string, backend: string, place: Place): Promise<Opened | Missing> {
  if (!existsSync(`${folder}node_modules`)) {
    return { missing: 'TensorFlow.js is missing: run "npm ci --prefix bench/tensorflow"' }
  }
  const network = {
    network: cnn,
    optimizer: 'sgd',
    batch,
    limit: null,
    repetitions: 1,
  } as const
  const { training, data } = await prepare({ ...network, name, what: name }, place)
  const command = [process.execPath, '--import', 'tsx', `${folder}step.js`] as const
  try {
    const other = await startServed(`TensorFlow.js, ${backend}`, command, {
      ...training,
      backend,
      data,
    })
    const { losses, run, capacity, release } = await startTraining(training)
    return {
      ours: createSide(losses, capacity, () => run(capacity), release, capacity),
      others: [other],
      tolerance: 1e-4,
    }
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return { missing: `TensorFlow.js on ${backend} fails: ${error.message}` }
  }
}
