import { bytesPerImage, type Images, type Size } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { pruneTo } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import type { Random } from '../random.ts'
import { mean } from '../statistics/summaries.ts'
import { compileForward } from '../training/forward.ts'
import type { Pictures, PretrainingOptions } from './method.ts'
import type { Plan } from './plan.ts'
import { imagesOf, toPixels } from './to-pixels.ts'

export const latentInput = 'graft.latent'
export const latentSize = 64

/** The samples that are looked at, and those that are shown. */
const looked = 64
const shown = 8
/** The variety of made images, as a share of that of real ones, below which the generator makes one image. */
const leastVariety = 0.15
/** A discriminator's loss below which it is right always and teaches the generator nothing. */
const leastLoss = 0.02
/** After so many epochs of the one or the other it ends. */
const patience = 3

/** For how many epochs in a row a game has been going wrong, either way. */
type Streak = { readonly alike: number; readonly saturated: number }

/** Latent variables, [count, latentSize], from the standard normal distribution. */
export function latents(count: number, random: Random): Tensor {
  const data = Float32Array.from({ length: count * latentSize }, () => random.normal())
  return float32([count, latentSize], data)
}

/**
 * Watches a GAN: the variety of what its generator makes, and the loss of its discriminator; keeps sheets of samples of the same latent variables
 * over time.
 */
export async function ganMonitor(
  { images, architecture, random, runtime, checkpoints }: PretrainingOptions,
  graph: Graph,
  made: string,
): Promise<{
  watch: NonNullable<Plan['watch']>
  sheets(): Promise<Pictures>
  release(): Promise<void>
}> {
  const generator = pruneTo(graph, [{ name: made }])
  const names = [...generator.initializers.keys()].filter((name) => name.startsWith('generator.'))
  const fixed = latents(looked, random.fork('samples'))
  const all = Array.from({ length: images.count }, (_, i) => i)
  const seen = random.fork('looked at').shuffle(all).slice(0, looked)
  const real = varietyOf(await images.read(seen), seen.length, architecture.size)
  const forward = await compileForward(generator, names, runtime)
  return {
    async watch({ epoch, losses, parameters }) {
      const samples = toPixels(await forward.run({ [latentInput]: fixed }, parameters()))
      const variety = varietyOf(samples, looked, architecture.size) / real
      const loss = mean(losses)
      // A sheet at each power of two: early epochs differ most.
      if ((epoch & (epoch - 1)) === 0) {
        const sheet = samples.subarray(0, shown * bytesPerImage(architecture.size))
        await checkpoints.save(`gan-samples-${epoch}`, Buffer.from(sheet).toString('base64'))
      }
      // What was stopped goes on, so the epoch before may have been watched by another.
      const before = (await checkpoints.load(`gan-streak-${epoch - 1}`)) as Streak | undefined
      const alike = variety < leastVariety ? (before?.alike ?? 0) + 1 : 0
      const saturated = loss < leastLoss ? (before?.saturated ?? 0) + 1 : 0
      if (alike + saturated > 0) {
        await checkpoints.save(`gan-streak-${epoch}`, { alike, saturated } satisfies Streak)
      }
      const notice = `made images vary ${(100 * variety).toFixed(0)} % as much as real ones`
      if (alike >= patience) {
        return {
          failure: `mode collapse: for ${patience} epochs the generator has made nearly the same image, ${notice}`,
        }
      }
      if (saturated >= patience) {
        return {
          failure: `saturated discriminator: for ${patience} epochs it has told all made images (loss ${loss.toFixed(3)}), so the generator learns nothing`,
        }
      }
      return { notice }
    },
    async sheets() {
      const rows: Images[] = []
      const epochs: number[] = []
      for (let epoch = 1; epoch < 2 ** 20; epoch *= 2) {
        const saved = await checkpoints.load(`gan-samples-${epoch}`)
        if (typeof saved !== 'string') continue
        epochs.push(epoch)
        rows.push(imagesOf(new Uint8Array(Buffer.from(saved, 'base64')), architecture.size, shown))
      }
      return {
        caption: `made from the same latent variables after ${epochs.join(', ')} epochs`,
        rows,
      }
    },
    release: () => forward.release(),
  }
}

/** How much images differ from each other: the mean standard deviation of a pixel over them. */
function varietyOf(pixels: Uint8Array, count: number, size: Size): number {
  const row = bytesPerImage(size)
  let total = 0
  for (let k = 0; k < row; k++) {
    let [sum, squares] = [0, 0]
    for (let image = 0; image < count; image++) {
      const value = pixels[image * row + k] as number
      sum += value
      squares += value * value
    }
    total += Math.sqrt(Math.max(squares / count - (sum / count) ** 2, 0))
  }
  return total / row
}
