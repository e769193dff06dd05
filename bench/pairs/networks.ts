import type { Activation } from '../../src/nn/layers.ts'

export type NetworkName = 'selu' | 'relu'

export type Published = {
  readonly pair: readonly [number, number]
  readonly scratch: number
  readonly grafted: number
}

export type Network = {
  readonly name: NetworkName
  readonly title: string
  readonly sizes: readonly number[]
  readonly activation: Activation
  /** The pair of the book and its accuracies, of one seed. */
  readonly published: Published
}

/** The two networks of Géron, Hands-On Machine Learning, chapter 11: SELU in the 2nd edition, ReLU in the 3rd. */
export const networks: readonly Network[] = [
  {
    name: 'selu',
    title: '300-100-50-50-50 SELU',
    sizes: [300, 100, 50, 50, 50],
    activation: 'selu',
    published: { pair: [5, 6], scratch: 0.9705, grafted: 0.994 },
  },
  {
    name: 'relu',
    title: '100-100-100 ReLU',
    sizes: [100, 100, 100],
    activation: 'relu',
    published: { pair: [0, 2], scratch: 0.9185, grafted: 0.9385 },
  },
]
