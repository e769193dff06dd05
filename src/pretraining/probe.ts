import type { Tensor } from '../graph/tensor.ts'
import { sequential } from '../nn/layers.ts'
import { compileForward } from '../training/forward.ts'
import { toVector } from './classification.ts'
import { labelledIndices, type PretrainingOptions } from './method.ts'
import { pixelFeed, pixelNetwork } from './networks.ts'

/** The images that are looked at. */
const most = 256

/** What features say of images, whatever the loss says. */
export type FeatureCheck = {
  /** The spread of features over images, relative to their size: near 0 all images look alike to the network. */
  readonly spread: number
  /** The share of labelled images whose nearest neighbour in features, by the cosine, has their class; null without labels. */
  readonly neighbours: number | null
}

/**
 * Compiles a check of the features that a trunk gives for some images: of those with a label to look at, or of all, drawn at random.
 */
export async function createFeatureCheck({
  images,
  architecture,
  probe,
  random,
  runtime,
}: PretrainingOptions): Promise<{
  check(parameters: ReadonlyMap<string, Tensor>): Promise<FeatureCheck>
  release(): Promise<void>
}> {
  const { trunk, size } = architecture
  const graph = pixelNetwork(size, random, (network, x) => [
    toVector(network, sequential(trunk)(network, x, ''), 'pool').name,
  ])
  const names = [...graph.initializers.keys()].filter((name) =>
    Object.keys(trunk).some((layer) => name.startsWith(`${layer}.`)),
  )
  const known = labelledIndices(probe)
  const all = Array.from({ length: images.count }, (_, index) => index)
  const shown = random
    .fork('looked at')
    .shuffle(known.length > 1 ? known : all)
    .slice(0, most)
  const labels = known.length > 1 ? shown.map((i) => probe?.labels[i] as number) : null
  const feeds = pixelFeed(await images.read(shown), shown.length, size)
  const forward = await compileForward(graph, names, runtime)
  return {
    async check(parameters) {
      const { data, dims } = await forward.run(feeds, parameters)
      const columns = dims[1] as number
      const rows = shown.map((_, i) =>
        (data as Float32Array).subarray(i * columns, (i + 1) * columns),
      )
      return { spread: spreadOf(rows), neighbours: labels && neighboursOf(rows, labels) }
    },
    release: () => forward.release(),
  }
}

/** The root of the mean variance of features over that of their mean square. */
function spreadOf(rows: readonly Float32Array[]): number {
  const columns = rows[0]?.length ?? 0
  let [variance, square] = [0, 0]
  for (let k = 0; k < columns; k++) {
    const values = rows.map((row) => row[k] as number)
    const mean = values.reduce((a, b) => a + b, 0) / rows.length
    variance += values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    square += values.reduce((sum, value) => sum + value ** 2, 0)
  }
  return square > 0 ? Math.sqrt(variance / square) : 0
}

function neighboursOf(rows: readonly Float32Array[], labels: readonly number[]): number {
  const unit = rows.map((row) => {
    const length = Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0))
    return row.map((value) => value / (length || 1))
  })
  const right = unit.filter((row, i) => {
    let [best, most] = [-1, Number.NEGATIVE_INFINITY]
    unit.forEach((other, j) => {
      if (i === j) return
      const cosine = row.reduce((sum, value, k) => sum + value * (other[k] as number), 0)
      if (cosine > most) [best, most] = [j, cosine]
    })
    return labels[best] === labels[i]
  })
  return right.length / rows.length
}
