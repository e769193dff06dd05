import { augment } from '../data/augment.ts'
import { bytesPerImage } from '../data/pixels.ts'
import { classify, gentleAugmentation } from './classification.ts'
import type { PretrainingMethod } from './method.ts'
import { turn } from './turn.ts'
import { turnedAlike } from './turned-alike.ts'

/**
 * By how many quarters an image was turned (Gidaris, Singh and Komodakis, 2018): who knows has to know what is seen. Images that are not square are turned by halves
 * alone. It teaches little where things have no up, and harm where a turn makes one class of another, which is looked for and said.
 */
export const rotation: PretrainingMethod = {
  name: 'rotation',
  summary: 'tells how far images were turned',
  variants: ['turns'],
  epochs: 20,
  passes: 1,
  needs: null,
  async *pretrain(options) {
    const { images } = options
    const { size } = options.architecture
    const turns = size.height === size.width ? [0, 1, 2, 3] : [0, 2]
    const warning = await turnedAlike(options)
    if (warning) yield { type: 'notice', sentence: `rotation: ${warning}` }
    const recipe = gentleAugmentation(size.channels)
    const row = bytesPerImage(size)
    return yield* classify(
      {
        name: 'rotation',
        classes: turns.length,
        images,
        pose({ pixels, indices }, draws) {
          const varied = augment(pixels, size, recipe, draws)
          const turned = new Uint8Array(pixels.length)
          const labels = Array.from(indices, () => draws.integer(turns.length))
          for (const [i, label] of labels.entries()) {
            const [from, to] = [i * row, (i + 1) * row]
            turn(varied.subarray(from, to), turned.subarray(from, to), size, turns[label] as number)
          }
          return { pixels: turned, labels }
        },
      },
      options,
    )
  },
}
