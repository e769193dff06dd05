import { writeFile } from 'node:fs/promises'
import { createBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { writeModel } from '../../src/graph/write.ts'
import { cnn, inputName, resnet } from '../../src/nn/architectures.ts'
import { createRandom } from '../../src/random.ts'
import { exportModel } from '../../src/training/exported-model.ts'
import { takePixels } from '../../src/training/normalization.ts'
import { side } from './shape-images.ts'

/** A residual network of random weights: small, but with all that a real one has. */
const backbone = (): Graph =>
  resnet([3, side, side], { classes: 4, widths: [8, 16] }, createRandom(3))

export async function writeBackbone(path: string): Promise<void> {
  await writeFile(path, writeModel(backbone()))
}

/** The same with its first activation replaced by an operator that ONNX Runtime does not know. */
export async function writeForeignBackbone(
  path: string,
  { domain, operator }: { readonly domain: string; readonly operator: string },
): Promise<void> {
  const graph = backbone()
  const first = graph.nodes.find((node) => node.operator === 'Relu')
  const nodes = graph.nodes.map((node) => (node === first ? { ...node, domain, operator } : node))
  await writeFile(path, writeModel({ ...graph, nodes, opsets: { ...graph.opsets, [domain]: 1 } }))
}

/** A network that takes vectors instead of images. */
export async function writeVectorModel(path: string): Promise<void> {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 12])
  builder.output(builder.op('Relu', [x]), 'float32', ['N', 12])
  await writeFile(path, writeModel(builder.build()))
}

/** A classifier as `fit` exports it, but untrained. */
export async function writeClassifier(path: string, classes: readonly string[]): Promise<void> {
  const size = { height: side, width: side, channels: 3 }
  const graph = takePixels(
    cnn([3, side, side], { classes: classes.length }, createRandom(4)),
    { input: inputName, layout: 'NCHW', ...size },
    { name: 'x/255', mean: [0, 0, 0], std: [1, 1, 1], order: 'RGB' },
  )
  await writeFile(path, exportModel({ graph, size, provenance: {} }, classes))
}
