import type { Command } from 'commander'
import type { FitResult } from '../comparison/fit.ts'
import { enterFolder } from './enter-folder.ts'

export function reportCommand(program: Command): void {
  program
    .command('report')
    .description('write the report of a run again')
    .argument('<run>', 'the folder of a run')
    .option('--open', 'open it in the browser')
    .action(async (run: string, options: { open?: true }) => {
      const [{ readRecord, runFiles }, { samplesOf }] = await Promise.all([
        import('../comparison/run-folder.ts'),
        import('../comparison/samples.ts'),
      ])
      const record = await readRecord(run)
      const { report } = runFiles(enterFolder(record.startedIn, run))
      await writeFitReport(report, { record, samples: await samplesOf(record, mostSamples) })
      process.stdout.write(`${report}\n`)
      if (options.open) await openInBrowser(report)
    })
}

const mostSamples = 12

/** The report of a run, with an image of each class where there are some. */
export async function writeFitReport(
  path: string,
  {
    record,
    samples,
  }: Pick<FitResult, 'record'> & { readonly samples: FitResult['samples'] | null },
): Promise<void> {
  const [{ fitReport }, { writeReport }, { bytesPerImage }] = await Promise.all([
    import('../report/fit-report.ts'),
    import('../report/write-report.ts'),
    import('../data/pixels.ts'),
  ])
  if (!samples) return writeReport(path, await fitReport(record))
  const { images, labels } = samples
  const { height, width } = images
  const row = bytesPerImage(images)
  const shown = record.data.classes.slice(0, mostSamples).flatMap((label, index) => {
    const first = labels.indexOf(index)
    const pixels = images.data.subarray(first * row, (first + 1) * row)
    return first < 0 ? [] : [{ label, height, width, pixels }]
  })
  await writeReport(path, await fitReport(record, shown))
}

const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

async function openInBrowser(path: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const [command = 'xdg-open', ...before] = openers[process.platform] ?? ['xdg-open']
  const child = spawn(command, [...before, path], { stdio: 'ignore', detached: true })
  child.on('error', () =>
    process.stderr.write(`graft: no browser can be opened here: open ${path} yourself\n`),
  )
  child.unref()
}
