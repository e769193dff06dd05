import type { Graph, ValueInfo } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'

/** What may run the operators of a session, by its name in ONNX Runtime. */
export const devices = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const
export type Device = (typeof devices)[number]

export type SessionOptions = {
  /** Threads within an operator; by default as many as the machine has cores. */
  readonly threads?: number
  /** How much ONNX Runtime may rewrite the graph; default `all`. With less, a session is made faster and runs slower. */
  readonly optimize?: 'none' | 'basic' | 'all'
  /**
   * Whether freed memory goes into an arena of the session's own, default yes; without, back to the system's allocator, which splits it up less and is slower
   * with large blocks.
   */
  readonly arena?: boolean
  /** Default: the device of the runtime. What only computes shapes belongs on the CPU. */
  readonly device?: 'cpu'
}

/** A compiled graph. */
export type Session = {
  readonly inputs: readonly ValueInfo[]
  /** Types and dimensions that ONNX Runtime inferred; unknown dimensions are strings. */
  readonly outputs: readonly ValueInfo[]
  /**
   * Runs the graph.
   *
   * @param feeds a tensor for every input
   * @param fetches the outputs wanted, by default all
   * @param into tensors that outputs are written to, where the runtime `writesInto` them; others come in new memory
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>>
  /** Frees the memory and the threads. */
  release(): Promise<void>
}

/** Something that compiles graphs: one for each build of ONNX Runtime. */
export type Runtime = {
  readonly name: string
  readonly version: string
  readonly device: Device
  /** About how many multiply-adds a second its kernels make: it decides how many steps go into one call. */
  readonly speed: number
  /** Whether a run can write outputs to memory that is there already. */
  readonly writesInto: boolean
  createSession(graph: Graph, options?: SessionOptions): Promise<Session>
}
