import { curve, viewBox } from './curve.ts'
import { type Clothes, classes, loadClothes } from './data.ts'
import type { Progress } from './training.ts'
import type { Answer, Wish } from './worker.ts'

const shown = 20

/** Puts the page into an element. It trains when its button is pressed, on the device that is chosen then. */
export async function showPage(root: HTMLElement, wish: Omit<Wish, 'device'>): Promise<void> {
  root.innerHTML = `
    <h1>A network learns in this page</h1>
    <p>
      Ten kinds of clothes, ${wish.images.toLocaleString('en')} pictures of 28 by 28 pixels, two convolutions and two dense layers.
      Graft writes the training step as an ONNX graph, and ONNX Runtime runs it on your machine. Nothing is sent anywhere.
    </p>
    <div class="controls">
      <button type="button">Train</button>
      <select aria-label="Where to train">
        <option value="cpu">on the processor (WebAssembly)</option>
        <option value="webgpu">on the graphics card (WebGPU)</option>
      </select>
      <span class="state" role="status"></span>
    </div>
    <div class="curves">${figure('Training loss')}${figure('Accuracy on other pictures')}</div>
    <ul class="images"></ul>`
  const find = <E extends Element>(selector: string) => [...root.querySelectorAll<E>(selector)]
  const [button] = find<HTMLButtonElement>('button')
  const [select] = find<HTMLSelectElement>('select')
  const [state] = find<HTMLElement>('.state')
  const test = await loadClothes('test', shown)
  const captions = picturesInto(find<HTMLElement>('.images')[0] as HTMLElement, test)
  const progress: Progress[] = []

  const draw = () => {
    const losses = progress.map(({ loss }) => loss)
    const shares = progress.map(({ accuracy }) => accuracy)
    const last = wish.epochs
    const scales = [
      { last, top: Math.max(0.5, Math.ceil(2 * Math.max(...losses, 0.5)) / 2), unit: String },
      { last, top: 1, unit: (share: number) => `${100 * share} %` },
    ] as const
    const values = [losses, shares] as const
    const [loss, share] = [losses.at(-1), shares.at(-1)]
    const texts = [loss?.toFixed(3), share === undefined ? undefined : percent(share)]
    find<SVGElement>('svg').forEach((svg, index) => {
      svg.innerHTML = curve(values[index as 0], scales[index as 0])
    })
    find<HTMLOutputElement>('output').forEach((output, index) => {
      output.value = texts[index] ?? ''
    })
    progress.at(-1)?.predicted.forEach((label, row) => {
      const caption = captions[row]
      if (!caption) return
      caption.textContent = classes[label] ?? ''
      caption.className = label === test.labels[row] ? '' : 'wrong'
    })
  }

  button?.addEventListener('click', () => {
    const device = select?.value as Wish['device']
    button.disabled = true
    progress.length = 0
    const say = (text: string) => {
      if (state) state.textContent = text
    }
    const start = performance.now()
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    const fail = (reason: string) => {
      say(reason)
      button.disabled = false
    }
    worker.onerror = ({ message }) => fail(`it failed: ${message}`)
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ('failure' in data) return fail(data.failure)
      progress.push(data)
      draw()
      const seconds = Math.round((performance.now() - start) / 1000)
      const done = data.epoch === wish.epochs
      say(
        `${done ? 'trained for' : 'epoch'} ${data.epoch} ${done ? 'epochs' : `of ${wish.epochs}`}, ${seconds} s`,
      )
      root.dataset.epoch = String(data.epoch)
      button.disabled = !done
    }
    worker.postMessage({ ...wish, device } satisfies Wish)
    say('reading and compiling')
  })
  draw()
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const figure = (title: string) =>
  `<figure><figcaption>${title}<output></output></figcaption><svg viewBox="${viewBox}" role="img" aria-label="${title}"></svg></figure>`

/** Draws the pictures, and returns the elements that name them. */
function picturesInto(list: HTMLElement, { images, labels }: Clothes): HTMLElement[] {
  return Array.from(labels, (label, index) => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 28
    const pixels = new ImageData(28, 28)
    for (let i = 0; i < 784; i++) {
      const value = images.data[index * 784 + i] as number
      pixels.data.set([value, value, value, 255], 4 * i)
    }
    canvas.getContext('2d')?.putImageData(pixels, 0, 0)
    const caption = document.createElement('span')
    const item = document.createElement('li')
    item.title = `this is a ${classes[label]}`
    item.append(canvas, caption)
    list.append(item)
    return caption
  })
}
