"""Writes the ONNX backend test data of the onnx wheel in a form that needs no protobuf.

    python backend_export.py FOLDER

makes FOLDER/cases.json, a list of {name, model, rtol, atol, runs: [{inputs, outputs}]}, and FOLDER/tensors.bin. Inputs
and outputs are tensors as tensors.py stores them; one that has no datatype of the Open Inference Protocol is
{name, kind}, with what it is instead.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from tensors import TensorFile
from onnx import numpy_helper

DATA = Path(onnx.__file__).parent / "backend/test/data"


def load(path, value, store):
    """The tensor of a .pb file, which is of the type of `value`, a graph's input or output."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return {"name": value.name, "kind": kind.removesuffix("_type")}
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    array = numpy_helper.to_array(tensor)
    stored = store.write(value.name, array)
    return stored or {"name": value.name, "kind": str(array.dtype)}


def load_all(folder, stem, values, store):
    count = len(list(folder.glob(f"{stem}_*.pb")))
    return [load(folder / f"{stem}_{i}.pb", values[i], store) for i in range(count)]


def dummy(value, store):
    """What onnx's own runner feeds to the models that come without inputs (Runner.generate_dummy_data)."""
    dimensions = value.type.tensor_type.shape.dim
    shape = tuple(d.dim_value if d.HasField("dim_value") else 1 for d in dimensions)
    count = np.prod(shape)
    return store.write(value.name, (np.arange(count).reshape(shape) / count).astype(np.float32))


def export(kind, folder, store):
    about = {"rtol": 1e-3, "atol": 1e-7}
    if (folder / "data.json").exists():
        about |= json.loads((folder / "data.json").read_text())
    path = folder / "model.onnx"
    if not path.exists():
        path = Path(onnx.__file__).parent.parent / about["url"]
    graph = onnx.load(path).graph
    initial = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initial]
    if path.parent == folder:
        runs = [
            {
                "inputs": load_all(run, "input", inputs, store),
                "outputs": load_all(run, "output", graph.output, store),
            }
            for run in sorted(folder.glob("test_data_set_*"))
        ]
    else:
        expected = [path.with_name(f"{path.stem}_output_{i}.pb") for i in range(len(graph.output))]
        runs = [
            {
                "inputs": [dummy(value, store) for value in inputs],
                "outputs": [load(*pair, store) for pair in zip(expected, graph.output)],
            }
        ]
    return {
        "name": f"{kind}-{folder.name}",
        "model": str(path),
        "rtol": about["rtol"],
        "atol": about["atol"],
        "runs": runs,
    }


def main(target):
    kinds = sorted(path for path in DATA.iterdir() if path.is_dir() and path.name != "light")
    with TensorFile(target / "tensors.bin", "wb") as store:
        cases = [
            export(kind.name, folder, store)
            for kind in kinds
            for folder in sorted(kind.iterdir())
            if folder.is_dir()
        ]
    (target / "cases.json").write_text(json.dumps(cases))


main(Path(sys.argv[1]))
