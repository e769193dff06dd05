import { test } from 'vitest'

test.skip('the engine in a browser: this machine has no Chromium, or CHROMIUM does not name it', () => {})
