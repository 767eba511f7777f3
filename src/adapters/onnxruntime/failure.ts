/**
 * What ONNX Runtime said, fit for a caller: without its source paths, folders of this machine or the names of C++
 * functions. Its errors are plain `Error`s without a code, so the text is all there is.
 */
export function describeRuntimeFailure(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const cleaned = text
    // "/onnxruntime_src/onnxruntime/core/graph/model.cc:179 onnxruntime::Model::Model(...) " before the sentence
    .replaceAll(/\S*\/onnxruntime\/\S+:\d+ .*?\) (?=\S)/g, '')
    // "tensorprotoutils.cc:461 ValidateExternalDataPathFromDir " likewise
    .replaceAll(/\b\w+\.(?:cc|h):\d+ \w+ /g, ' ')
    // A file's own name helps who published it: it is that of the repository.
    .replaceAll(/"(?:[A-Za-z]:)?[\\/](?:[^"]*[\\/])?([^"\\/]*)"/g, '"$1"')
    .replaceAll(/(?:Load model (?:from )?)?(?:[A-Za-z]:)?\/[^\s:"]+(?: failed)?:?/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const limit = 400;
  if (cleaned === '') return 'no reason given';
  return cleaned.length > limit ? `${cleaned.slice(0, limit)}…` : cleaned;
}
