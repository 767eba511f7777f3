import { existsSync, readFileSync } from 'node:fs';

/**
 * For which machines an artefact that ONNX Runtime optimised is good: `<platform>-<architecture>` as Node names them,
 * and on x64 the widest vectors too, for the layout of convolutions that the optimiser bakes in is made for them
 * (blocks of 16 with AVX-512, of 8 without).
 */
export function machineTarget(): string {
  const machine = `${process.platform}-${process.arch}`;
  if (process.arch !== 'x64') return machine;
  return `${machine}-${hasAvx512() ? 'avx512' : 'avx2'}`;
}

function hasAvx512(): boolean {
  const path = '/proc/cpuinfo';
  return existsSync(path) && /^flags\s*:.*\bavx512f\b/m.test(readFileSync(path, 'utf8'));
}
