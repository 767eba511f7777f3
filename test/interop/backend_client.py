"""Sends the ONNX backend test data to a Pilotlight server through Triton's client, case by case.

    python backend_client.py HOST:PORT FOLDER

FOLDER has the cases (backend_export.py) and what bare onnxruntime-node made of each (bare.json, bare.bin). What ran there
must come back bit for bit, in JSON as far as JSON can carry it and in binary; what did not must be refused. The last
line is `N passed, N failed`, and the exit code follows it.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import tritonclient.http as triton
from tensors import TensorFile, as_text
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])
folder = Path(sys.argv[2])
given = TensorFile(folder / "tensors.bin", "rb")
bare = TensorFile(folder / "bare.bin", "rb")
passed = Counter()
failed = 0


# More elements than that may be over the 8 MiB of text that a body may have.
LARGEST_IN_JSON = 350_000


def has_json_form(array):
    """JSON has no NaN and no infinities, and the protocol no FP16 in it."""
    if array.size > LARGEST_IN_JSON:
        return False
    if array.dtype.kind == "f":
        return array.dtype != np.float16 and bool(np.isfinite(array).all())
    return True


def difference(got, expected, same):
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return f"expected {expected.dtype} {expected.shape}, got {got.dtype} {got.shape}"
    return None if same(got, expected) else f"expected {expected}, got {got}"


def same_bits(got, expected):
    if expected.dtype == np.object_:
        return as_text(got).tolist() == as_text(expected).tolist()
    return got.tobytes() == expected.tobytes()


def close(case):
    """As onnx's own runner compares (Runner.assert_similar_outputs)."""

    def compare(got, expected):
        if expected.dtype == np.object_:
            return same_bits(got, expected)
        with np.errstate(all="ignore"):
            return np.allclose(got, expected, case["rtol"], case["atol"], equal_nan=True)

    return compare


def difference_from_data(case, outputs):
    """What distinguishes bare ONNX Runtime's outputs from those that the test data expects; None for nothing."""
    for run, variants in zip(case["runs"], outputs):
        for expected, got in zip(run["outputs"], variants[0]):
            if "kind" in expected:
                return f"an output is {expected['kind']}"
            found = difference(bare.read(got), given.read(expected), close(case))
            if found:
                return found
    return None


def infer(case, run, variants, in_json):
    """One run through HTTP. @returns how many of its tensors went in JSON"""
    inputs = []
    elements = 0
    in_json_count = 0
    for about in run["inputs"]:
        array = given.read(about)
        as_json = in_json and has_json_form(array)
        in_json_count += as_json
        elements += array.size
        tensor = triton.InferInput(about["name"], list(array.shape), about["datatype"])
        inputs.append(tensor.set_data_from_numpy(array, binary_data=not as_json))
    outputs = []
    for about in variants[0]:
        as_json = in_json and has_json_form(bare.read(about))
        in_json_count += as_json
        outputs.append(triton.InferRequestedOutput(about["name"], binary_data=not as_json))
    # As plain JSON they may be over Lambda's 6 MB.
    coding = "gzip" if in_json and elements > 100_000 else None
    result = client.infer(
        case["name"],
        inputs,
        outputs=outputs,
        request_compression_algorithm=coding,
        response_compression_algorithm=coding,
    )
    found = [difference_of_variant(result, variant) for variant in variants]
    if all(found):
        raise AssertionError(found[0])
    return in_json_count


def difference_of_variant(result, variant):
    for about in variant:
        got = result.as_numpy(about["name"])
        found = "it is missing" if got is None else difference(got, bare.read(about), same_bits)
        if found:
            return f"output {about['name']}: {found}"
    return None


def check(what, run):
    global failed
    try:
        run()
    except (AssertionError, InferenceServerException) as error:
        failed += 1
        print(f"FAILED - {what}: {error}", flush=True)


def through_http(case, outputs):
    runs = list(zip(case["runs"], outputs))

    def binary():
        for run, variants in runs:
            infer(case, run, variants, in_json=False)
        passed["in binary"] += 1

    def in_json():
        count = sum(infer(case, run, variants, in_json=True) for run, variants in runs)
        if count == sum(len(run["inputs"]) + len(variants[0]) for run, variants in runs):
            passed["in JSON"] += 1
        elif count:
            passed["in JSON, with FP16, NaN, infinities and what is too long in binary"] += 1

    check(f"{case['name']} in binary", binary)
    check(f"{case['name']} in JSON", in_json)


def refusal(case):
    """A model that ONNX Runtime cannot load, or has tensors of no datatype of the protocol, is refused with a reason."""
    try:
        client.get_model_metadata(case["name"])
    except InferenceServerException as error:
        if error.status() != "503" or case["name"] not in error.message():
            raise
        passed["refused with a reason"] += 1
    else:
        passed["described, for only the run fails"] += 1


REASONS = {
    r"not a registered function/op|for domain .* is till opset|under development|Opset": "an operator or opset that is newer",
    r"Could not find an implementation|Failed to find kernel": "no kernel for the operator",
    r"Unsupported data type|an input is |an output is ": "a datatype that its JavaScript binding lacks",
    r"not a tensor": "a sequence, a map or an optional",
    r"kills the process": "it kills the process",
    r"random": "random outputs",
    r"locale|Locale": "a locale that this machine lacks",
    r"Non-zero status code": "it fails in the run",
    r"Exception during initialization": "an attribute that it does not support",
    r"^expected ": "other values than the data expects",
}


def reason(text):
    return next((name for pattern, name in REASONS.items() if re.search(pattern, text)), text[:160])


cases = json.loads((folder / "cases.json").read_text())
outcomes = json.loads((folder / "bare.json").read_text())
reasons = Counter()
agreeing = 0
shifting = 0
for case, outcome in zip(cases, outcomes):
    failure = outcome.get("failure")
    if failure is None:
        failure = difference_from_data(case, outcome["outputs"])
        agreeing += failure is None
        shifting += any(len(variants) > 1 for variants in outcome["outputs"])
        through_http(case, outcome["outputs"])
    else:
        check(f"{case['name']} refused", lambda: refusal(case))
    if failure is not None:
        reasons[reason(failure)] += 1

print(f"{len(cases)} cases; bare onnxruntime-node passes {agreeing}, and these not:")
for name, count in reasons.most_common():
    print(f"  {count:4} {name}")
print(f"last bits of {shifting} depend on where in memory the inputs begin, in bare onnxruntime-node too")
print("through HTTP, bit for bit as bare onnxruntime-node where that runs:")
for name, count in passed.items():
    print(f"  {count:4} {name}")
print(f"{sum(passed.values())} passed, {failed} failed")
sys.exit(1 if failed else 0)
