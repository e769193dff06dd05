import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { binary, graft } from './command-line.ts'

const commands = ['fit', 'evaluate', 'predict', 'inspect', 'resume', 'report', 'demo']

it('lists every command, with the exit codes', async () => {
  const { code, stdout, stderr } = await graft(tmpdir(), '--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  expect(stdout).toMatch(/^Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted\.$/m)
})

it.concurrent.each(commands)('explains %s in 80 columns', async (command) => {
  const { code, stdout, stderr } = await graft(tmpdir(), command, '--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^Usage: graft ${command} `))
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
})

it('says its version', async () => {
  expect(await graft(tmpdir(), '--version')).toMatchObject({
    code: 0,
    stdout: `${manifest.version}\n`,
  })
})

it.skipIf(process.platform === 'win32')(
  'starts by its own first line, with its settings',
  async () => {
    const run = promisify(execFile)
    expect(await run(binary, ['--version'])).toEqual({
      stdout: `${manifest.version}\n`,
      stderr: '',
    })
    const [first = ''] = (await readFile(binary, 'utf8')).split('\n')
    // Linux takes no more of the line.
    expect(first.length).toBeLessThan(127)
    const environment = first.match(/MALLOC_\w+=\d+/g)
    expect(environment).toHaveLength(2)
  },
)

it('shows the help, as bad usage, where no command is given', async () => {
  const { code, stdout, stderr } = await graft(tmpdir())
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^Usage: graft /)
})
