import type { Segment, SegmentContent } from './checkpoint.ts';
import type { RecordOutcome } from './engine/engine.ts';
import { encodeErrorLine } from './error-lines.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ShardSource } from './shard.ts';
import { type Position, recordAt, type SourceRecord } from './source-record.ts';

const heldCharacters = 64 * 1024;

/** Predictions and failed records since the last segment. */
export class Stretch {
  readonly #output: OutputBuffer;
  readonly #errors = new OutputBuffer();
  /** Lines that are not bytes yet: turning them into bytes one by one would take longer than making them. */
  #lines = '';
  to: Position;
  failed = 0;
  runMs = 0;
  #from: Position;
  #startedMs: number;

  constructor(nowMs: number, last: Segment | undefined, start: Position) {
    this.#output = new OutputBuffer(last?.outputCrc32 ?? 0);
    this.#from = last?.to ?? start;
    this.to = this.#from;
    this.#startedMs = nowMs;
  }

  /** What became of one record, or of rows that came together. */
  add(source: ShardSource, record: SourceRecord, outcome: RecordOutcome): void {
    if ('line' in outcome) {
      this.#lines += `${outcome.line}\n`;
      if (this.#lines.length > heldCharacters) this.#flush();
    } else if ('lines' in outcome) {
      this.#flush();
      for (const lines of outcome.lines) this.#output.append(lines);
    } else if ('rows' in outcome) {
      for (const [row, one] of outcome.rows.entries()) {
        // Only a failed record is told by its place.
        this.add(source, 'error' in one ? recordAt(record, row) : record, one);
      }
    } else {
      this.#errors.append(Buffer.from(encodeErrorLine(source, record, outcome)));
      this.failed += 1;
    }
  }

  writeHeader(header: string): void {
    this.#output.append(Buffer.from(`${header}\n`));
  }

  #flush(): void {
    this.#output.append(Buffer.from(this.#lines));
    this.#lines = '';
  }

  get bytes(): number {
    return this.outputBytes + this.errorsBytes;
  }

  get outputBytes(): number {
    return this.#output.bytes + this.#lines.length;
  }

  get errorsBytes(): number {
    return this.#errors.bytes;
  }

  /** Takes out the predictions so far: no segment will hold them. */
  takeOutput(): Uint8Array {
    this.#flush();
    return this.#output.giveAway();
  }

  /** Takes out the failed records so far, likewise. */
  takeErrors(): Uint8Array {
    return this.#errors.giveAway();
  }

  /** Everything so far; what comes next is a new stretch. */
  close(nowMs: number): SegmentContent {
    this.#flush();
    const content = {
      from: this.#from,
      to: this.to,
      failed: this.failed,
      outputCrc32: this.#output.crc32,
      output: this.#output.take(),
      errors: this.#errors.take(),
      runMs: this.runMs,
      workMs: nowMs - this.#startedMs,
    };
    this.#from = this.to;
    this.#startedMs = nowMs;
    this.failed = 0;
    this.runMs = 0;
    return content;
  }
}
