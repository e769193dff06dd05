import type { Random } from '../random.ts'

/** Draws the first values of a weight of dimensions [out, in, ...kernel]. */
export type Initializer = (dims: readonly number[], random: Random) => Float32Array

type Fans = { readonly in: number; readonly out: number }

function fansOf([out = 1, input = 1, ...kernel]: readonly number[]): Fans {
  const receptive = kernel.reduce((product, size) => product * size, 1)
  return { in: input * receptive, out: out * receptive }
}

function scaled(variance: (fans: Fans) => number, shape: 'normal' | 'uniform'): Initializer {
  return (dims, random) => {
    const deviation = Math.sqrt(variance(fansOf(dims)))
    const limit = Math.sqrt(3) * deviation
    const draw =
      shape === 'normal'
        ? () => random.normal() * deviation
        : () => (2 * random.uniform() - 1) * limit
    return Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, draw)
  }
}

const he = (fans: Fans) => 2 / fans.in
const glorot = (fans: Fans) => 2 / (fans.in + fans.out)
const lecun = (fans: Fans) => 1 / fans.in

/** He et al. (2015), for ReLU and its kin: variance 2 / fan-in. */
export const heNormal = scaled(he, 'normal')
export const heUniform = scaled(he, 'uniform')
/** Glorot and Bengio (2010), for tanh, sigmoid and linear layers: variance 2 / (fan-in + fan-out). */
export const glorotNormal = scaled(glorot, 'normal')
export const glorotUniform = scaled(glorot, 'uniform')
/** LeCun et al. (1998), for SELU (Klambauer et al., 2017): variance 1 / fan-in. */
export const lecunNormal = scaled(lecun, 'normal')
export const lecunUniform = scaled(lecun, 'uniform')

/** A constant, for biases and the scales of normalization layers. */
export function constant(value: number): Initializer {
  return (dims) => new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(value)
}
