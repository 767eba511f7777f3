"""Sessions as every peer makes them: the same options as Pilotlight's."""

import os

import onnxruntime


def load() -> dict[str, onnxruntime.InferenceSession]:
    """One session for each of the names in BENCH_MODELS, from the folder BENCH_FOLDER."""
    return {name: create(name) for name in os.environ["BENCH_MODELS"].split(",")}


def create(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    path = os.path.join(os.environ["BENCH_FOLDER"], f"{name}.onnx")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
