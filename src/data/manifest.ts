import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { GraftError } from '../errors.ts'
import { entryAt, looksLikeImage, notAFile } from './find-images.ts'
import type { Found, FoundImage, SkippedFile } from './source.ts'

type Row = { readonly record: readonly string[]; readonly info: { readonly lines: number } }

/**
 * Reads a CSV manifest (RFC 4180) with the columns `path` and `label`, in any order and beside any others. Paths are
 * relative to the folder of the manifest; an empty label means unlabelled. Without a header the file must have exactly
 * these two columns. A row whose file does not exist is skipped, as is a second row for the same file. Throws
 * `bad-input` for other columns and for a file that is not CSV.
 */
export async function findInManifest(path: string): Promise<Found> {
  const rows = parseRows(await readFile(path), path)
  const columns = findColumns(rows[0], path)
  const skipped: SkippedFile[] = []
  const seen = new Set<string>()
  const candidates: { name: string; label: string; file: string }[] = []
  for (const { record, info } of rows.slice(columns.header ? 1 : 0)) {
    if (record.length !== columns.count) {
      throw new GraftError(
        'bad-input',
        `${path}, line ${info.lines}: ${record.length} columns where the first line has ${columns.count}`,
      )
    }
    const name = record[columns.path]?.normalize('NFC') ?? ''
    const file = resolve(dirname(path), record[columns.path] ?? '')
    if (name === '') {
      skipped.push({ file: `line ${info.lines}`, reason: 'no path in this row' })
    } else if (seen.has(file)) {
      skipped.push({ file: name, reason: `named a second time on line ${info.lines}` })
    } else {
      candidates.push({ name, label: record[columns.label]?.normalize('NFC') ?? '', file })
    }
    seen.add(file)
  }

  const entries = await Promise.all(candidates.map(({ file }) => entryAt(file)))
  const images: FoundImage[] = []
  for (const [i, { name, label }] of candidates.entries()) {
    const entry = entries[i] ?? { kind: 'missing' }
    if (entry.kind !== 'file') skipped.push({ file: name, reason: notAFile[entry.kind] })
    else images.push({ name, className: label === '' ? null : label, origin: entry.origin })
  }
  return {
    kind: 'manifest',
    train: images.filter(({ className }) => className !== null),
    unlabelled: images.filter(({ className }) => className === null),
    test: null,
    skipped,
  }
}

function parseRows(bytes: Buffer, path: string): Row[] {
  const options = { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true }
  try {
    return parse(bytes, { ...options, info: true }) as unknown as Row[]
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    throw new GraftError('bad-input', `${path}: not a CSV file: ${reason}`, { cause: error })
  }
}

function findColumns(first: Row | undefined, path: string) {
  if (first === undefined) throw new GraftError('bad-input', `${path}: the manifest is empty`)
  const names = first.record.map((name) => name.toLowerCase())
  const count = names.length
  if (names.includes('path') && names.includes('label')) {
    return { header: true, count, path: names.indexOf('path'), label: names.indexOf('label') }
  }
  if (count === 2 && looksLikeImage(names[0] ?? ''))
    return { header: false, count, path: 0, label: 1 }
  throw new GraftError(
    'bad-input',
    `${path}: a manifest has the columns path,label; its first line is "${first.record.join(',')}"`,
  )
}
