import { inject, test } from 'vitest'

// What this machine cannot test is told as a skipped test, never as a passed one.
test.skip(inject('absent'), () => {})
