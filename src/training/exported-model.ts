import type { Size } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { extend } from '../graph/compose.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import { readModelFile } from '../graph/read-file.ts'
import { writeModel } from '../graph/write.ts'
import { version } from '../version.ts'
import { pixelsInput } from './normalization.ts'
import type { TrainedModel } from './task.ts'

const probabilitiesOutput = 'probabilities'
const classesKey = 'graft.classes'
/** The licence of the backbone that a model was made from. */
export const licenseKey = 'graft.backbone_license'

/** A classifier as Graft exports it. */
export type ExportedModel = {
  readonly graph: Graph
  readonly classes: readonly string[]
  readonly size: Size
}

/**
 * The self-contained model file: raw pixels in, uint8 [N, height, width, channels]; class probabilities out, float32 [N, classes]. Its
 * metadata names the classes, how images have to be resized, and how the model came about.
 */
export function exportModel(model: TrainedModel, classes: readonly string[]): Uint8Array {
  const { graph, provenance } = model
  const complete = extend(graph, (builder) => {
    const logits = graph.outputs[0]?.name as string
    return builder.alias(probabilitiesOutput, builder.op('Softmax', [logits]))
  })
  const output = {
    name: probabilitiesOutput,
    type: 'float32',
    dims: ['N', classes.length],
  } as const
  return writeModel({
    ...pruneTo(complete, [output]),
    name: 'graft',
    metadata: {
      [classesKey]: JSON.stringify(classes),
      'graft.version': version,
      'graft.resize': 'the whole image stretched to height x width, linear interpolation',
      ...Object.fromEntries(
        Object.entries(provenance).map(([key, value]) => [`graft.${key}`, value]),
      ),
    },
  })
}

/**
 * Reads a model that Graft exported.
 *
 * @throws GraftError `bad-input` where the file cannot be read or was not exported by Graft, `bad-model` where it is no ONNX model
 */
export async function openExportedModel(path: string): Promise<ExportedModel> {
  const graph = await readModelFile(path)
  const classes = graph.metadata[classesKey]
  const dims = graph.inputs[0]?.dims ?? []
  const [, height, width, channels] = dims
  const ours = graph.inputs.length === 1 && graph.inputs[0]?.name === pixelsInput
  if (!classes || !ours || ![height, width, channels].every((dim) => typeof dim === 'number')) {
    throw new GraftError(
      'bad-input',
      `${path}: not a classifier that Graft exported (it names no classes): give a run folder or its model.onnx`,
    )
  }
  return { graph, classes: JSON.parse(classes), size: { height, width, channels } as Size }
}
