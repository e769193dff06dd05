#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1099511627776 node
// glibc is to keep what is freed: every training step needs it again, and coming anew page by page it can take a fifth of the time.
import { existsSync } from 'node:fs'

const main = new URL('../dist/cli/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('graft: not built yet: run "npm run build"')
  process.exitCode = 1
}
