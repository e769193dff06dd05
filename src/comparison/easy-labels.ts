import { fingerprint } from '../data/fingerprint.ts'
import { openImages } from '../data/open-source.ts'
import { decodePool } from '../data/pool.ts'
import type { Source } from '../data/source.ts'
import { GraftError } from '../errors.ts'
import type { EasyLabels } from '../transfer/pretrained-backbone.ts'
import { loadRule } from './load-rule.ts'

export type EasyLabelsConfiguration = {
  /** A folder of other images with labels of their own; null for none. */
  readonly related?: string | null
  /** A module whose default export makes a label of an image; null for none. */
  readonly rule?: string | null
}

/** What tells whether they are still the same when a run is resumed; null where they were not given. */
export type EasyLabelsDigests = { readonly related: string | null; readonly rule: string | null }

/**
 * Opens the labels that are easy to get, for the strategies that learn from them. Images that are related may be neither test images nor those whose labels are
 * wanted: labels for these would help on every fold, and not afterwards. For the same reason a rule does not hear of folders that are named after a class.
 *
 * @throws GraftError `bad-input` for a folder or a module that cannot be used
 */
export async function openEasyLabels(
  { related, rule }: EasyLabelsConfiguration,
  source: Pick<Source, 'train' | 'test' | 'classes'>,
): Promise<{ readonly labels: EasyLabels; readonly digests: EasyLabelsDigests }> {
  const others = related ? await openImages(related, null) : null
  if (others && others.classes.length < 2) {
    throw new GraftError(
      'bad-input',
      `${related}: has no two classes to learn from: give --related a folder of class folders`,
    )
  }
  const loaded = rule ? await loadRule(rule) : null
  const held = [...source.train, ...(source.test ?? [])]
  return {
    labels: {
      related: others && {
        classes: others.classes,
        decode: (size) => decodePool({ ...others, test: held }, size, 'labelled or test images'),
      },
      rule:
        loaded &&
        ((image) => loaded.rule({ ...image, name: withoutFolders(image.name, source.classes) })),
    },
    digests: { related: others && fingerprint(others), rule: loaded?.digest ?? null },
  }
}

/** A path without the folders of these names. */
function withoutFolders(path: string, names: readonly string[]): string {
  const parts = path.split('/')
  return parts.filter((part, i) => i === parts.length - 1 || !names.includes(part)).join('/')
}
