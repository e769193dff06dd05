import type { Size } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { type Layers, resnet, resnetTrunk, vgg, vggTrunk } from '../nn/architectures.ts'
import type { Random } from '../random.ts'

/** A network of our own for images of some size. */
export type Design = {
  readonly name: string
  readonly size: Size
  /** Its layers below the head, which pretraining begins with. */
  readonly trunk: Layers
  build(classes: number, random: Random): Graph
}

/** Small images keep their size and get a plain network; larger ones become 64 pixels and get a residual network. */
export function designFor({ height, width, channels }: Size): Design {
  if (Math.max(height, width) <= 36) {
    return {
      name: 'vgg',
      size: { height, width, channels },
      trunk: vggTrunk(),
      build: (classes, random) => vgg([channels, height, width], { classes }, random),
    }
  }
  return {
    name: 'resnet',
    size: { height: 64, width: 64, channels },
    trunk: resnetTrunk({ stemStride: 2 }),
    build: (classes, random) => resnet([channels, 64, 64], { classes, stemStride: 2 }, random),
  }
}
