import { bytesPerImage } from '../data/pixels.ts'
import { median } from '../statistics/summaries.ts'
import { labelledIndices, type PretrainingOptions } from './method.ts'
import { turn } from './turn.ts'

const most = 300
/** The share of the turned images of a class that has to look like one other class. */
const suspicious = 0.5
/** As like as this: their nearest image may be so many times as far away as it is for images as they are. */
const near = 1.5

/**
 * Looks whether images of one class turned upside down look like another: the nearest image by pixels of most of them is one of the other
 * class, though that of the image itself is one of its own. A sentence that says so, or null.
 */
export async function turnedAlike({
  images,
  architecture,
  probe,
  random,
}: Pick<PretrainingOptions, 'images' | 'architecture' | 'probe' | 'random'>): Promise<
  string | null
> {
  if (!probe) return null
  const { size } = architecture
  // Folders come class by class.
  const indices = random.fork('turned').shuffle(labelledIndices(probe)).slice(0, most)
  const labels = indices.map((i) => probe.labels[i] as number)
  const row = bytesPerImage(size)
  const pixels = await images.read(indices)
  const turned = new Uint8Array(pixels.length)
  for (let i = 0; i < indices.length; i++) {
    const part = [i * row, (i + 1) * row] as const
    turn(pixels.subarray(...part), turned.subarray(...part), size, 2)
  }
  const nearest = (query: Uint8Array, self: number) => {
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let other = 0; other < indices.length; other++) {
      if (other === self) continue
      let distance = 0
      for (let k = 0; k < row && distance < least; k++) {
        distance += ((query[k] as number) - (pixels[other * row + k] as number)) ** 2
      }
      if (distance < least) [best, least] = [other, distance]
    }
    return { label: labels[best], distance: Math.sqrt(least) }
  }
  for (const [label, name] of probe.classes.entries()) {
    const own = indices.map((_, i) => i).filter((i) => labels[i] === label)
    if (own.length < 5) continue
    const found = (of: Uint8Array) =>
      own.map((i) => nearest(of.subarray(i * row, (i + 1) * row), i))
    const upright = found(pixels)
    if (upright.filter((other) => other.label === label).length < suspicious * own.length) continue
    const usual = median(upright.map(({ distance }) => distance))
    const upside = found(turned).filter(({ distance }) => distance <= near * usual)
    for (const [other, otherName] of probe.classes.entries()) {
      const share = upside.filter((one) => one.label === other).length / own.length
      if (other !== label && share > suspicious) {
        return `most images of "${name}" look like "${otherName}" when turned upside down, so orientation defines these classes, and what is learned may blur them`
      }
    }
  }
  return null
}
