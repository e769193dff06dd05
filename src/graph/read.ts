import { fromBinary } from '@bufbuild/protobuf'
import { type ModelProto, ModelProtoSchema } from 'onnx-buf'
import { GraftError } from '../errors.ts'
import { resolveControlFlow } from './control-flow.ts'
import { inlineFunctions } from './functions.ts'
import type { Graph } from './graph.ts'
import { toFloat32 } from './half-weights.ts'
import { refuseQuantized } from './quantized.ts'
import { readFunction, readGraph, readOpsets, requireType } from './read-graph.ts'
import type { ExternalData } from './read-tensor.ts'
import { newestOpset, oldestOpset, upgrade } from './upgrade.ts'
import { verify } from './verify.ts'

export type ReadOptions = {
  /** Reads weights that are kept in other files (see `externalDataIn`); by default such a model is refused. */
  readonly external?: ExternalData
}

/**
 * Reads an ONNX model (operator sets 1 to 24 of the standard domain) into the form that everything else works on:
 *
 * - older forms of operators are rewritten to those of operator set 18;
 * - functions that the model defines are inlined;
 * - `If` and `Loop` are resolved where they depend on constants alone;
 * - float16 and bfloat16 become float32 (the metadata `graft.weights` says what it was);
 * - an initializer that the exporter merged with an equal one, and copies through `Identity`, becomes a parameter of its own again,
 *   named as the output of the `Identity`.
 *
 * @throws GraftError `bad-model` where the bytes are no ONNX model or the graph is not valid; `unsupported` for quantized models,
 * sparse initializers, external data without `external`, and element types that Graft does not know.
 */
export function readModel(bytes: Uint8Array, { external }: ReadOptions = {}): Graph {
  const model = parse(bytes)
  if (!model.graph || (model.graph.node.length === 0 && model.graph.output.length === 0)) {
    throw new GraftError('bad-model', 'not an ONNX model: it holds no graph')
  }
  const opsets = readOpsets(model.opsetImport)
  if (opsets[''] === undefined) {
    throw new GraftError('bad-model', 'the model names no operator set')
  }
  checkOpset(opsets[''], 'the model')
  const functions = model.functions.map((definition) => readFunction(definition, { external }))
  for (const { name, opsets: own } of functions) {
    if (own[''] !== undefined) checkOpset(own[''], `the function "${name}"`)
  }
  const graph = readGraph(model.graph, { external })
  const read: Graph = {
    ...graph,
    inputs: graph.inputs.map(requireType),
    opsets,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
  }
  const inlined = inlineFunctions(upgrade(read), functions)
  refuseQuantized(inlined)
  const complete = untie(toFloat32(resolveControlFlow(inlined)))
  verify(complete)
  return complete
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new GraftError(
      'bad-model',
      'not an ONNX model, or only a part of one (the file may be truncated): get it again',
      { cause },
    )
  }
}

function checkOpset(opset: number, what: string): void {
  if (opset >= oldestOpset && opset <= newestOpset) return
  throw new GraftError(
    'unsupported',
    `${what} uses operator set ${opset}; Graft reads ${oldestOpset} to ${newestOpset}: export it again with one of those`,
  )
}

/** Gives each copy that an `Identity` makes of an initializer values of its own. */
function untie(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  const outputs = new Set(graph.outputs.map((output) => output.name))
  const nodes = graph.nodes.filter((node) => {
    const [from, to] = [node.inputs[0] ?? '', node.outputs[0] ?? '']
    const original = initializers.get(from)
    if (node.operator !== 'Identity' || node.domain !== '' || !original || outputs.has(to))
      return true
    initializers.set(to, { ...original, data: original.data.slice() })
    return false
  })
  return { ...graph, nodes, initializers }
}
