import { bytesPerImage } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { classifyLabels } from './classification.ts'
import type { PretrainingMethod, PretrainingOptions } from './method.ts'

/** Images that are read at once. */
const chunk = 512
/** More different answers than this are no classes but measurements. */
const mostClasses = 1000

/**
 * Labels that a function of the user's makes, from the image or from its name (Ratner et al., 2017, call such functions labelling functions). Images for which
 * it says null are left out.
 */
export const rules: PretrainingMethod = {
  name: 'rules',
  variants: ['classes'],
  epochs: 20,
  passes: 1,
  needs: 'rule',
  learnsFrom: async (options) =>
    (await answersOf(options)).filter((answer) => answer !== null).length,
  async *pretrain(options) {
    const answers = await answersOf(options)
    const indices = [...answers.keys()].filter((index) => answers[index] !== null)
    const classes = [...new Set(indices.map((index) => answers[index] as string))].sort()
    if (classes.length < 2 || classes.length > mostClasses) {
      const found =
        classes.length === 1 ? `one class, "${classes[0]}"` : `${classes.length} classes`
      throw new GraftError(
        'bad-input',
        `rules: the rule finds ${found} in ${answers.length} images: it has to find between 2 and ${mostClasses}`,
      )
    }
    yield {
      type: 'notice',
      sentence: `rules: ${classes.length} classes in ${indices.length} of ${answers.length} images`,
    }
    const labels = indices.map((index) => classes.indexOf(answers[index] as string))
    return yield* classifyLabels('rules', classes.length, { indices, labels }, options)
  },
}

/** What the rule says of each image. */
async function answersOf({
  images,
  rule,
}: Pick<PretrainingOptions, 'images' | 'rule'>): Promise<(string | null)[]> {
  if (!rule) throw new GraftError('bad-usage', 'rules: give a module with a rule: --rule FILE.mjs')
  const { height, width, channels } = images
  const row = bytesPerImage(images)
  const answers: (string | null)[] = []
  for (let start = 0; start < images.count; start += chunk) {
    const length = Math.min(chunk, images.count - start)
    const pixels = await images.read(Array.from({ length }, (_, i) => start + i))
    for (let i = 0; i < length; i++) {
      const data = pixels.subarray(i * row, (i + 1) * row)
      const name = images.names[start + i] as string
      answers.push(answerTo(rule, { name, height, width, channels, data }))
    }
  }
  return answers
}

function answerTo(
  rule: NonNullable<PretrainingOptions['rule']>,
  image: Parameters<typeof rule>[0],
): string | null {
  let answer: unknown
  try {
    answer = rule(image)
  } catch (cause) {
    const { message } = cause as Error
    throw new GraftError('bad-input', `rules: the rule fails for ${image.name}: ${message}`, {
      cause,
    })
  }
  if (answer === null || typeof answer === 'string') return answer
  if (typeof answer === 'number' && Number.isFinite(answer)) return String(answer)
  throw new GraftError(
    'bad-input',
    `rules: the rule says ${String(answer)} of ${image.name}: it has to return a text, a number, or null for no answer`,
  )
}
