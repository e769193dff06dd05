import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import type { StrategyEvent, Task } from '../training/task.ts'
import type { CachedFeatures } from './cached-features.ts'
import { type Depth, featuresAt } from './depths.ts'
import type { Head } from './head.ts'
import { type Probe, type ProbeInput, probeAll, probeFolds } from './probe.ts'
import {
  type Neighbourhood,
  openNeighbourhood,
  probePropagated,
  propagatedHead,
} from './propagated-probe.ts'
import { describeDepth, type Reuse } from './reuse.ts'

type HeadOf = Pick<Reuse, 'head' | 'depth'>

/** The output layers of a network's depths, none fitted twice. */
export type Heads = {
  /** One for each fold. */
  onFolds(reuse: HeadOf): AsyncGenerator<StrategyEvent, Probe>
  /** One on all labels, regularized as the folds preferred. */
  onAll(reuse: HeadOf, probe: Probe): AsyncGenerator<StrategyEvent, Head>
}

/** Output layers on cached features, and such as learned from images without labels too. */
export function createHeads({
  task,
  network,
  cached,
  unlabelled,
}: {
  readonly task: Task
  readonly network: Graph
  readonly cached: CachedFeatures
  readonly unlabelled: Images | null
}): Heads {
  const probes = new Map<string, Probe>()
  const neighbourhoods = new Map<Depth, Neighbourhood>()
  const around = async function* (depth: Depth): AsyncGenerator<StrategyEvent, Neighbourhood> {
    const found =
      neighbourhoods.get(depth) ??
      (yield* openNeighbourhood(
        task,
        featuresAt(network, [depth]),
        cached.at(depth),
        unlabelled as Images,
      ))
    neighbourhoods.set(depth, found)
    return found
  }
  const inputOf = ({ head, depth }: HeadOf): ProbeInput =>
    head === 'selected'
      ? { kind: head, features: cached.all, widths: cached.depths.map(({ features }) => features) }
      : { kind: 'linear', features: cached.at(depth), widths: [depth.features] }
  async function* onFolds(reuse: HeadOf): AsyncGenerator<StrategyEvent, Probe> {
    const { head, depth } = reuse
    const key = `${head} ${depth.name}`
    const known = probes.get(key)
    if (known) return known
    const input = inputOf(reuse)
    const probe =
      head === 'propagated'
        ? yield* probePropagated(
            task,
            yield* around(depth),
            yield* onFolds({ head: 'linear', depth }),
          )
        : yield* probeFolds(task, () => input, `output layer on ${describeDepth(depth)}`)
    probes.set(key, probe)
    return probe
  }
  return {
    onFolds,
    async *onAll(reuse, { regularization }) {
      const head = yield* probeAll(task, inputOf(reuse), regularization)
      if (reuse.head !== 'propagated') return head
      return yield* propagatedHead(task, yield* around(reuse.depth), head, regularization)
    },
  }
}
