"""Tensors in a file: {name, datatype, shape, offset}, with the elements as the Open Inference Protocol's binary form has
them from `offset` on; strings are in the description itself, {name, datatype: BYTES, shape, strings}."""

import numpy as np
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype


class TensorFile:
    def __init__(self, path, mode):
        self.file = open(path, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, name, array):
        """@returns the description; None when the protocol has no such datatype"""
        datatype = "BYTES" if array.dtype.kind in "OUS" else np_to_triton_dtype(array.dtype)
        if datatype in (None, "BF16"):
            return None
        about = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if datatype == "BYTES":
            return about | {"strings": as_text(array).flatten().tolist()}
        offset = self.file.tell()
        self.file.write(array.tobytes())
        return about | {"offset": offset}

    def read(self, about):
        if about["datatype"] == "BYTES":
            return np.array(about["strings"], np.object_).reshape(about["shape"])
        self.file.seek(about["offset"])
        dtype = np.dtype(triton_to_np_dtype(about["datatype"]))
        count = int(np.prod(about["shape"], dtype=np.int64))
        array = np.frombuffer(self.file.read(count * dtype.itemsize), dtype)
        return array.reshape(about["shape"])


def as_text(array):
    """Strings come as bytes from protobuf and from binary answers, and as str from JSON."""
    decode = lambda item: item.decode("utf-8") if isinstance(item, bytes) else str(item)
    return np.array([decode(item) for item in array.flatten()], np.object_).reshape(array.shape)
