"""Writes numpy-arrays.json: .npy files by NumPy itself, in base64. Run: python numpy-arrays.py > numpy-arrays.json"""

import base64
import io
import json

import numpy as np

files = {}


def add(name, array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    files[name] = base64.b64encode(buffer.getvalue()).decode()


table = np.array([[1, 2, 3], [4, 5, 6]])
for kind in "<f4 >f4 <f8 >f8 <f2 >f2 <i8 >i8 <i4 >i2 |i1 |u1 <u2 >u4 <u8".split():
    add(kind, table.astype(kind))
add("booleans", np.array([True, False, True]))
add("fortran", np.asfortranarray(table.astype("<f4")))
add("fortran in three dimensions", np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype(">i2")))
add("fortran strings", np.asfortranarray(np.array([["a", "b"], ["c", "dé"]])))
add("scalar", np.array(2.5, dtype="<f4"))
add("empty", np.zeros((0, 3), dtype="<f4"))
add("texts", np.array(["a", "héllo", "😀", ""]))
add("big-endian texts", np.array(["a", "héllo", "😀"]).astype(">U5"))
add("byte strings", np.array([b"ab", b"c", "é".encode()]))
add("bytes that are not UTF-8", np.array([b"\xff"]))
add("version 2", table.astype("<f4"), (2, 0))
add("version 3", table.astype("<f4"), (3, 0))
add("complex", np.array([1j]))
add("dates", np.array(["2020-01-01"], dtype="datetime64[D]"))
add("records", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]))
add("objects", np.array([None], dtype=object))
print(json.dumps(files, indent=2))
