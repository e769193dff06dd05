import { createHash } from 'node:crypto'
import { GraftError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { FrozenTensor } from './record.ts'

/**
 * Proof that what was to stay frozen did: the digests of its tensors before, and in the model as it was written.
 *
 * @throws GraftError `internal` for the first tensor that changed
 */
export function digestFrozen(
  before: ReadonlyMap<string, Tensor>,
  { initializers }: Pick<Graph, 'initializers'>,
): FrozenTensor[] {
  return [...before].map(([name, tensor]) => {
    const after = initializers.get(name)
    const digests = { name, before: digestOf(tensor), after: after ? digestOf(after) : 'missing' }
    if (digests.before !== digests.after) {
      throw new GraftError(
        'internal',
        `"${name}" was to stay frozen, but the model holds other values: please report this`,
      )
    }
    return digests
  })
}

/** The SHA-256 of a tensor's type, dimensions and bytes. */
function digestOf({ type, dims, data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return createHash('sha256')
    .update(`${type} ${dims.join(' ')}`)
    .update(bytes)
    .digest('hex')
}
