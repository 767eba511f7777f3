"""Every datatype, in JSON and in binary, each way."""

import ml_dtypes
import numpy as np
from harness import (
    check,
    checks,
    client,
    expect_equal,
    expect_same_bits,
    refused,
    tensor,
    wanted,
)

# Of each datatype the edges of its range and what is hard to carry, in two rows of three.
VALUES = {
    "BOOL": np.array([True, False, True, False, False, True]),
    "UINT8": np.array([0, 1, 127, 128, 254, 255], np.uint8),
    "UINT16": np.array([0, 1, 32767, 32768, 65534, 65535], np.uint16),
    "UINT32": np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1], np.uint32),
    "UINT64": np.array([0, 2**53 - 1, 2**53 + 1, 2**63, 2**64 - 2, 2**64 - 1], np.uint64),
    "INT8": np.array([-128, -1, 0, 1, 126, 127], np.int8),
    "INT16": np.array([-(2**15), -1, 0, 1, 2**15 - 2, 2**15 - 1], np.int16),
    "INT32": np.array([-(2**31), -1, 0, 1, 2**31 - 2, 2**31 - 1], np.int32),
    "INT64": np.array([-(2**63), -(2**53) - 1, -1, 0, 2**53 + 1, 2**63 - 1], np.int64),
    "FP16": np.array([0, -0.0, 65504, -65504, 6e-8, 0.333], np.float16),
    "FP32": np.array([0, -0.0, 3.4028235e38, 1e-45, -1 / 3, 16777217], np.float32),
    "FP64": np.array([0, -0.0, 1.7976931348623157e308, 5e-324, -1 / 3, 0.1 + 0.2], np.float64),
    "BYTES": np.array(["", "plain", "größer", "東京 🗼", '"\\\n\u0001', "x" * 5000], np.object_),
}


def same(datatype, binary_in, binary_out):
    array = VALUES[datatype].reshape(2, 3)
    result = client.infer(
        f"identity-{datatype}",
        [tensor("x", array, binary_in)],
        outputs=[wanted("y", binary_out)],
    )
    expect_equal(result.get_output("y")["datatype"], datatype)
    expect_same_bits(result.as_numpy("y"), array)


for datatype in VALUES:
    for binary_in in (True, False):
        for binary_out in (True, False):
            if datatype == "FP16" and not (binary_in and binary_out):
                continue
            ways = f"{'binary' if binary_in else 'JSON'} in, {'binary' if binary_out else 'JSON'} out"
            checks.append(
                (
                    f"{datatype}: {ways}",
                    lambda args=(datatype, binary_in, binary_out): same(*args),
                )
            )


@check("FP16 in JSON is refused, each way")
def _():
    array = VALUES["FP16"].reshape(2, 3)
    with refused(400, "FP16", "binary"):
        client.infer("identity-FP16", [tensor("x", array, binary=False)])
    with refused(400, "FP16", "binary"):
        client.infer("identity-FP16", [tensor("x", array)], outputs=[wanted("y", binary=False)])


@check("BF16, which no model here can take, is refused by its name")
def _():
    array = np.ones((2, 3), ml_dtypes.bfloat16)
    with refused(400, "datatype", "BF16"):
        client.infer("identity-FP32", [tensor("x", array)])


@check("BYTES that are numpy bytes arrive as text")
def _():
    array = np.array([["a", "größer", ""]], np.object_)
    raw = np.array([[b"a", "größer".encode(), b""]], np.object_)
    for binary in (True, False):
        result = client.infer("identity-BYTES", [tensor("x", raw, binary)])
        expect_same_bits(result.as_numpy("y"), array)


@check("text with U+0000 is refused, for ONNX Runtime would cut it off")
def _():
    array = np.array([["a", "b", "c\u0000d"]], np.object_)
    for binary in (True, False):
        with refused(400, "element 2", "U+0000"):
            client.infer("identity-BYTES", [tensor("x", array, binary)])


@check("NaN and infinities travel in binary and are refused in JSON")
def _():
    array = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    result = client.infer("identity-FP32", [tensor("x", array)])
    expect_same_bits(result.as_numpy("y"), array)
    with refused(400, "y", "JSON"):
        client.infer("identity-FP32", [tensor("x", array)], outputs=[wanted("y", binary=False)])
    with refused(400):
        client.infer("identity-FP32", [tensor("x", array, binary=False)])


@check("empty tensors and scalars")
def _():
    for binary in (True, False):
        for datatype in ("FP32", "BYTES", "INT64"):
            array = np.empty((0, 3), VALUES[datatype].dtype)
            result = client.infer(f"identity-{datatype}", [tensor("x", array, binary)])
            expect_equal(result.as_numpy("y").shape, (0, 3))
        array = np.array(2.5, np.float32)
        outputs = [wanted("y", binary)]
        result = client.infer("scalar", [tensor("x", array, binary)], outputs=outputs)
        expect_same_bits(result.as_numpy("y"), array)


@check("a tensor of 1.2 MB comes back bit for bit, in binary and in JSON")
def _():
    array = np.random.default_rng(1).random((100_000, 3), np.float32)
    for binary in (True, False):
        result = client.infer(
            "identity-FP32", [tensor("x", array)], outputs=[wanted("y", binary)]
        )
        expect_same_bits(result.as_numpy("y"), array)
