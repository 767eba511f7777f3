import { invalidRequest } from '../../errors.ts';
import { describe } from '../fields.ts';
import { formatFloat32 } from '../float32-text.ts';
import { halfOf, halfToNumber } from '../half.ts';
import { openFiller } from '../json-fill.ts';
import type { Datatype, Tensor, TensorData } from '../tensor.ts';

/** A number in decimal digits, as a cell may have it. */
export const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const integer = /^[+-]?\d{1,20}$/;

/**
 * Text cells as an array of a datatype. For floats an empty cell is a missing value and so NaN, as `nan` is; `inf`
 * and `-inf` are the infinities, `true` and `false`, as pandas writes columns of one category each, are 1 and 0. A number beyond
 * FP32 becomes an infinity, as it does in any CSV reader; beyond FP16, whose largest is 65504, it is refused.
 *
 * @param cellField the name of a cell in messages, from its place
 * @throws ServingError INVALID_REQUEST
 */
export function parseCells(
  cells: readonly string[],
  datatype: Datatype,
  cellField: (place: number) => string,
): TensorData {
  if (datatype === 'FP32' || datatype === 'FP64' || datatype === 'FP16') {
    const numbers = cells.map((cell, place) => {
      const number = toFloat(cell);
      if (number === undefined) {
        throw invalidRequest(cellField(place), 'a number', describe(cell));
      }
      return number;
    });
    if (datatype === 'FP16') return toHalves(numbers, cells, cellField);
    return datatype === 'FP32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
  }
  const { target, fillRow, expected } = openFiller(datatype, cells.length);
  const bad = fillRow(
    cells.map((cell) => toJsonValue(cell, datatype)),
    0,
  );
  if (bad >= 0) throw invalidRequest(cellField(bad), expected, describe(cells[bad]));
  return target;
}

function toHalves(
  numbers: readonly number[],
  cells: readonly string[],
  cellField: (place: number) => string,
): Uint16Array {
  const bits = Uint16Array.from(numbers, halfOf);
  const bad = numbers.findIndex(
    (number, place) => Number.isFinite(number) && !Number.isFinite(halfToNumber(bits[place] ?? 0)),
  );
  if (bad < 0) return bits;
  throw invalidRequest(cellField(bad), 'a number in the range of FP16', describe(cells[bad]));
}

function toFloat(cell: string): number | undefined {
  if (decimal.test(cell)) return Number(cell);
  switch (cell.toLowerCase()) {
    case '':
    case 'nan':
      return Number.NaN;
    case 'true':
      return 1;
    case 'false':
      return 0;
    case 'inf':
    case '+inf':
    case 'infinity':
      return Number.POSITIVE_INFINITY;
    case '-inf':
    case '-infinity':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

/** A cell as JSON would have had it; what does not read as the datatype stays a text, which its filler refuses. */
function toJsonValue(cell: string, datatype: Datatype): unknown {
  if (datatype === 'BYTES') return cell;
  if (datatype === 'BOOL') {
    const word = cell.toLowerCase();
    if (word === 'true' || word === '1') return true;
    return word === 'false' || word === '0' ? false : cell;
  }
  if (!integer.test(cell)) return decimal.test(cell) ? Number(cell) : cell;
  const number = Number(cell);
  return Number.isSafeInteger(number) ? number : BigInt(cell.replace('+', ''));
}

/** The text of one element of a tensor: `true`, digits, the shortest decimal form, the string itself. */
export function cellText({ datatype, data }: Tensor, place: number): string {
  const value = data[place] ?? 0;
  if (datatype === 'BOOL') return value === 1 ? 'true' : 'false';
  if (typeof value !== 'number') return `${value}`;
  if (datatype === 'FP32') return formatFloat32(value);
  if (datatype === 'FP16') return formatFloat32(halfToNumber(value));
  return Object.is(value, -0) ? '-0.0' : `${value}`;
}

/**
 * RFC 4180, 2: quotes around what holds a comma, a quote, a line break, or space that a reader would trim; and around nothing,
 * which as the only cell would be a blank line, and no row for most readers.
 */
export function quoteCell(cell: string): string {
  return /^$|[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
