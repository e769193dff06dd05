import { defaultRuntime } from './runtime/default.ts'
import { engineOn } from './runtime/engine.ts'

export { GraftError } from './errors.ts'
export type { Attribute, Graph, Node, OutputInfo, ValueInfo } from './graph/graph.ts'
export { readModel } from './graph/read.ts'
export type { ElementType, Tensor, TensorType, TypedArray } from './graph/tensor.ts'
export { float32, int64 } from './graph/tensor.ts'
export { writeModel } from './graph/write.ts'

export const { run, vjp } = engineOn(defaultRuntime)
