/**
 * `npm run bench`: measures all rows; with names, those rows; with `transfer --data FOLDER --backbone FILE`, the accuracy on a set of
 * images, which takes minutes; with `operators`, gradients against PyTorch's on its own samples of its operators; with `pairs`, whether
 * reuse helps on every pair of classes of Fashion-MNIST, which takes an hour; with `trials`, output layers on a frozen network against the same in plain
 * PyTorch, which takes some minutes; with `pretraining --data FOLDER --labels-per-class N`, the accuracy that each method of pretraining leads to, which
 * takes hours.
 */
import { GraftError } from '../src/errors.ts'
import { runAsGraft } from './kept-memory.ts'
import { measureRows } from './measure-rows.ts'
import { measureOperators } from './operators.ts'
import { measurePairs } from './pairs/measure.ts'
import { measurePretraining } from './pretraining.ts'
import { measureTransfer } from './transfer.ts'
import { measureTrials } from './trials.ts'

const [first, ...rest] = process.argv.slice(2)
try {
  if (await runAsGraft()) process.exit()
  if (first === 'transfer') await measureTransfer(rest)
  else if (first === 'operators') await measureOperators(rest)
  else if (first === 'pairs') await measurePairs(rest)
  else if (first === 'pretraining') await measurePretraining(rest)
  else if (first === 'trials') await measureTrials(rest)
  else await measureRows(first === undefined ? [] : [first, ...rest])
} catch (error) {
  if (!(error instanceof GraftError)) throw error
  console.error(`bench: ${error.message}`)
  process.exitCode = error.code === 'bad-usage' ? 2 : 1
}
