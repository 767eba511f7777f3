/** Holds a file that is being written against what its manifest says. */
export interface FileDigest {
  /** Told of each stretch of bytes that is on disk; those of one part come in order. */
  wrote(position: number, bytes: Buffer): void;
  /** Whether every byte is there and as expected. */
  isRight(): boolean;
}
