import { decodeImages, type LabelledImages } from '../data/decode-images.ts'
import { fingerprint } from '../data/fingerprint.ts'
import { GraftError } from '../errors.ts'
import { finish } from '../events.ts'
import { designFor } from '../training/design.ts'
import type { FitConfiguration } from './fit.ts'
import { openData } from './read-images.ts'
import type { RunRecord } from './record.ts'

/** So many images of a class are looked at, of which some may turn out to be unreadable. */
const enough = 4

/**
 * The first images of the first classes that a run learned from, at a small size, as `fit` gives them for the report; null where its data are gone or are not what they were. Paths are
 * relative to the folder that the run was started in.
 */
export async function samplesOf(
  { configuration, data }: RunRecord,
  classes: number,
): Promise<LabelledImages | null> {
  const given = configuration as unknown as FitConfiguration
  try {
    const { source } = await openData(given)
    if (fingerprint(source) !== data.fingerprint) return null
    const nameOf = (label: number) => source.classes[label] as string
    const items = data.classes.slice(0, classes).flatMap((name) => {
      const own = source.classes.indexOf(name)
      return source.train.filter(({ label }) => label === own).slice(0, enough)
    })
    const decoding = decodeImages('train', items, designFor(data.imageSize).size, null)
    const { images, labels } = await finish(decoding)
    return { images, labels: labels.map((label) => data.classes.indexOf(nameOf(label))) }
  } catch (error) {
    if (error instanceof GraftError) return null
    throw error
  }
}
