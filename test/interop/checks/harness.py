"""What the checks of the other modules are written with: a registry, expectations, and Triton's client."""

import sys

import numpy as np
import tritonclient.http as triton
from tensors import as_text
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

HOST = sys.argv[1]
client = triton.InferenceServerClient(HOST, concurrency=4)

checks = []


def check(name):
    def register(function):
        checks.append((name, function))
        return function

    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def expect_equal(got, expected):
    expect(got == expected, f"expected {expected!r}, got {got!r}")


def expect_same_bits(got, expected):
    expect(got is not None, "the output is missing")
    expect_equal(got.shape, expected.shape)
    if expected.dtype == np.object_:
        expect_equal(as_text(got).tolist(), as_text(expected).tolist())
        return
    expect_equal(got.dtype, expected.dtype)
    expect(got.tobytes() == expected.tobytes(), f"expected {expected}, got {got}")


def refused(status, *words):
    """Runs the body and expects the client's exception, with this status and these words in its message."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, _):
            expect(error is not None, f"expected a refusal with {status}, got an answer")
            if not isinstance(error, InferenceServerException):
                return False
            expect_equal(error.status(), str(status))
            for word in words:
                expect(word in error.message(), f"expected {word!r} in {error.message()!r}")
            return True

    return Refused()


def tensor(name, array, binary=True, datatype=None):
    made = triton.InferInput(name, list(array.shape), datatype or np_to_triton_dtype(array.dtype))
    return made.set_data_from_numpy(array, binary_data=binary)


def wanted(name, binary=True, classes=0):
    return triton.InferRequestedOutput(name, binary_data=binary, class_count=classes)
