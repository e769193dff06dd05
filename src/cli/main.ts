import { Command, CommanderError } from 'commander'
import { GraftError } from '../errors.ts'
import { version } from '../version.ts'
import { demoCommand } from './demo.ts'
import { evaluateCommand } from './evaluate.ts'
import { fitCommand } from './fit.ts'
import { inspectCommand } from './inspect.ts'
import { predictCommand } from './predict.ts'
import { pretrainCommand } from './pretrain.ts'
import { plain } from './progress.ts'
import { reportCommand } from './report.ts'
import { resumeCommand } from './resume.ts'

const epilogue = `
Results go to standard output, progress to standard error.
Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.`

async function main(): Promise<number> {
  const program = new Command('graft')
    .description('Accurate image classifiers when labels are few.')
    .version(version)
    .addHelpText('after', epilogue)
    .exitOverride()
  for (const add of [
    fitCommand,
    evaluateCommand,
    predictCommand,
    inspectCommand,
    pretrainCommand,
    resumeCommand,
    reportCommand,
    demoCommand,
  ]) {
    add(program)
  }
  for (const command of [program, ...program.commands]) {
    const help = command === program ? 'graft --help' : `graft ${command.name()} --help`
    command.configureOutput({
      outputError: (text, write) => write(`graft: ${oneLine(text)}: see "${help}"\n`),
    })
  }
  try {
    await program.parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return explain(error)
  }
}

/** Commander puts "error:" before its sentence, a full stop behind it, and what may be meant on a second line. */
function oneLine(text: string): string {
  return plain(text.trim().replace(/^error: /, '')).replace(/\.$/, '')
}

/** Says what went wrong in one line, and returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (process.env.GRAFT_DEBUG) console.error(error)
  if (error instanceof GraftError) {
    process.stderr.write(`graft: ${plain(error.message)}\n`)
    return error.code === 'bad-usage' ? 2 : 1
  }
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(
    `graft: something unexpected went wrong: ${plain(reason)} (set GRAFT_DEBUG=1 for more)\n`,
  )
  return 1
}

// A reader that closes early, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : explain(error))
})
process.on('uncaughtException', (error) => process.exit(explain(error)))
process.exitCode = await main()
