import type { PixelImage } from '../ports.ts';
import { type Coefficients, coefficients, type PillowFilter } from './pillow-coefficients.ts';
import { resamplePasses } from './resample-passes.ts';

/** The WebAssembly of resample-passes.wat. All arguments are places in its memory, bytes or counts. */
interface Passes {
  readonly memory: WebAssembly.Memory;
  readonly resampleRows: (
    source: number,
    sourceRowBytes: number,
    rows: number,
    channels: number,
    target: number,
    width: number,
    first: number,
    count: number,
    weights: number,
    weightBytes: number,
  ) => void;
  readonly resampleColumns: (
    source: number,
    rowBytes: number,
    target: number,
    height: number,
    first: number,
    count: number,
    weights: number,
    weightBytes: number,
  ) => void;
}

/** Memory that is kept for the next picture; one that needs more has its own for as long as it takes. */
const keptBytes = 16 * 1024 * 1024;
const pageBytes = 64 * 1024;
/** What the passes read and write past the end. */
const slackBytes = 16;
/** Of the source, what is squeezed at a time: it stays in the processor's cache. */
const stripBytes = 256 * 1024;

let compiled: WebAssembly.Module | undefined;
let kept: Passes | undefined;

function instantiate(): Passes {
  compiled ??= new WebAssembly.Module(Buffer.from(resamplePasses, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as Passes;
}

function passesWithRoom(bytes: number): Passes {
  if (bytes <= keptBytes) kept ??= instantiate();
  const passes = bytes <= keptBytes && kept !== undefined ? kept : instantiate();
  const missingBytes = bytes - passes.memory.buffer.byteLength;
  if (missingBytes > 0) passes.memory.grow(Math.ceil(missingBytes / pageBytes));
  return passes;
}

/** Gives out places one after the other. */
class Layout {
  #endBytes = 0;

  get sizeBytes(): number {
    return this.#endBytes;
  }

  reserve(bytes: number): number {
    const place = this.#endBytes;
    this.#endBytes = Math.ceil((place + bytes + slackBytes) / 16) * 16;
    return place;
  }
}

type PlacedCoefficients = readonly [
  first: number,
  count: number,
  weights: number,
  weightBytes: number,
];

function placeCoefficients(layout: Layout, { first, count, weights, stride }: Coefficients) {
  const places: PlacedCoefficients = [
    layout.reserve(first.byteLength),
    layout.reserve(count.byteLength),
    layout.reserve(weights.byteLength),
    stride * weights.BYTES_PER_ELEMENT,
  ];
  return {
    places,
    write(buffer: ArrayBuffer) {
      for (const [index, values] of [first, count, weights].entries()) {
        new Int32Array(buffer, places[index], values.length).set(values);
      }
    },
  };
}

/** A part of the result: what a centre crop leaves, so that the rest is not computed. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Pillow's antialiased resampling (src/libImaging/Resample.c), bit for bit for eight bits a channel: this is what
 * Hugging Face's image processors and torchvision do to a picture, so the model sees the pixels that it was trained on.
 *
 * @param width and @param height of the whole result, in pixels, at least 1
 * @param window the part of it that is wanted
 */
export function resamplePillow(
  image: PixelImage,
  width: number,
  height: number,
  filter: PillowFilter,
  window: Window = { left: 0, top: 0, width, height },
): PixelImage {
  const { channels } = image;
  // Without a change of size Pillow leaves a direction out, which a box of one pixel does as well.
  const along = (from: number, to: number) => (from === to ? 'box' : filter);
  const acrossFilter = along(image.width, width);
  const across = coefficients(image.width, width, acrossFilter, window.left, window.width);
  const downFilter = along(image.height, height);
  const down = coefficients(image.height, height, downFilter, window.top, window.height);
  const [firstRow, endRow] = down.needs;
  const rows = endRow - firstRow;
  const sourceRowBytes = image.width * channels;
  const rowBytes = window.width * channels;
  const stripRows = Math.min(rows, Math.ceil(stripBytes / sourceRowBytes));

  const layout = new Layout();
  const strip = layout.reserve(stripRows * sourceRowBytes);
  const squeezed = layout.reserve(rows * rowBytes);
  const target = layout.reserve(window.height * rowBytes);
  const placedAcross = placeCoefficients(layout, across);
  const placedDown = placeCoefficients(layout, down);
  const { memory, resampleRows, resampleColumns } = passesWithRoom(layout.sizeBytes);
  placedAcross.write(memory.buffer);
  placedDown.write(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);

  for (let row = firstRow; row < endRow; row += stripRows) {
    const count = Math.min(stripRows, endRow - row);
    const from = row * sourceRowBytes;
    bytes.set(image.data.subarray(from, from + count * sourceRowBytes), strip);
    const to = squeezed + (row - firstRow) * rowBytes;
    resampleRows(strip, sourceRowBytes, count, channels, to, window.width, ...placedAcross.places);
  }
  // Positions count from the picture's first row, which would lie that far before the first that is there.
  const zeroth = squeezed - firstRow * rowBytes;
  resampleColumns(zeroth, rowBytes, target, window.height, ...placedDown.places);
  const data = bytes.slice(target, target + window.height * rowBytes);
  return { width: window.width, height: window.height, channels, data };
}
