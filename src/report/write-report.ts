import { writeFileAtomic } from '../files.ts'

/** Writes a report as a whole or not at all. Throws GraftError 'bad-input' when the file cannot be written. */
export const writeReport = (path: string, report: string): Promise<void> =>
  writeFileAtomic(path, report)
