/** Our side of a training as a process of its own, which is bundled before it is started: see `rows/peak-memory.ts`. */
import { serve } from './serve.ts'
import { startTraining, type Training } from './training.ts'

const training: Training = JSON.parse(process.argv[2] ?? '')
const { losses, run, capacity } = await startTraining(training)
const atOnce = Math.min(capacity, training.repetitions)
await serve(losses, training.repetitions, () => run(atOnce), atOnce)
// The threads of ONNX Runtime would keep the process alive.
process.exit()
