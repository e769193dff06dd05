import { classifyChanges } from './classification.ts'
import type { PretrainingMethod } from './method.ts'
import { turn } from './turn.ts'
import { turnedAlike } from './turned-alike.ts'

/**
 * By how many quarters an image was turned (Gidaris, Singh and Komodakis, 2018): who knows has to know what is seen. Where the network takes images that are not square they are turned by halves
 * alone. It teaches little where things have no up, and harm where a turn makes one class of another, which is looked for and said.
 */
export const rotation: PretrainingMethod = {
  name: 'rotation',
  variants: ['turns'],
  epochs: 80,
  passes: 1,
  needs: null,
  async *pretrain(options) {
    const { size } = options.architecture
    const turns = size.height === size.width ? [0, 1, 2, 3] : [0, 2]
    const warning = await turnedAlike(options)
    if (warning) yield { type: 'notice', sentence: `rotation: ${warning}` }
    return yield* classifyChanges(
      'rotation',
      turns.length,
      (from, to, which) => turn(from, to, size, turns[which] as number),
      options,
    )
  },
}
