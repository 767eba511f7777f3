"""Drives a Pilotlight server with Triton's own client for Python, check by check.

    python triton_client.py HOST:PORT

The server's model repository is the one of models.ts. The last line is `N passed, N failed`, and the exit code
follows it.
"""

import asyncio
import gzip
import http.client
import json
import sys
import traceback

import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tensors import as_text
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

HOST = sys.argv[1]

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


FLOATS = np.arange(4, dtype=np.float32).reshape(2, 2)
client = triton.InferenceServerClient(HOST, concurrency=4)


# ---- Server


@check("server is live and ready")
def _():
    expect(client.is_server_live(), "not live")
    expect(client.is_server_ready(), "not ready")


@check("server metadata names the server and the extensions that are used here")
def _():
    metadata = client.get_server_metadata()
    expect_equal(metadata["name"], "pilotlight")
    expect(metadata["version"], "no version")
    needed = {
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "parameters",
        "statistics",
    }
    expect(needed <= set(metadata["extensions"]), f"got {metadata['extensions']}")


@check("headers and query parameters of the caller do no harm")
def _():
    expect(client.is_server_live(headers={"X-Mine": "1"}, query_params={"a": ["1", "2"]}), "dead")


# ---- Models


@check("models are ready, with and without a version")
def _():
    expect(client.is_model_ready("versions"), "without")
    expect(client.is_model_ready("versions", "1"), "with")


@check("unknown and broken models are not ready")
def _():
    expect(not client.is_model_ready("nothing"), "unknown model")
    expect(not client.is_model_ready("versions", "3"), "unknown version")
    expect(not client.is_model_ready("broken"), "broken model")


@check("model metadata tells versions, platform, names, datatypes and shapes")
def _():
    metadata = client.get_model_metadata("versions")
    expect_equal(metadata["name"], "versions")
    expect_equal(sorted(metadata["versions"], key=int), ["1", "2", "10"])
    expect_equal(metadata["platform"], "onnx_onnxv1")
    expect_equal(metadata["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1]}])
    expect_equal(metadata["outputs"], [{"name": "y", "datatype": "FP32", "shape": [-1]}])


@check("model metadata of one version tells that version")
def _():
    expect_equal(client.get_model_metadata("versions", "2")["versions"], ["2"])


@check("model configuration is Triton's, with the batch dimension taken away")
def _():
    configuration = client.get_model_config("arithmetic")
    expect_equal(configuration["name"], "arithmetic")
    expect_equal(configuration["backend"], "onnxruntime")
    expect(configuration["max_batch_size"] > 0, "no max_batch_size")
    expect_equal(
        configuration["input"],
        [
            {"name": "a", "data_type": "TYPE_FP32", "dims": [2]},
            {"name": "b", "data_type": "TYPE_FP32", "dims": [2]},
        ],
    )
    expect_equal([each["name"] for each in configuration["output"]], ["sum", "product"])


@check("model configuration says TYPE_STRING for BYTES, also of one version")
def _():
    configuration = client.get_model_config("identity-BYTES", "1")
    expect_equal(configuration["input"][0]["data_type"], "TYPE_STRING")


# ---- Every datatype


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


# ---- Statistics. Each environment counts for itself, and so far no two calls at once have started a second one.


@check("statistics count calls, rows and failures")
def _():
    infer = lambda array: client.infer("identity-INT16", [tensor("x", array)])

    def counts():
        stats = client.get_inference_statistics("identity-INT16", "1")["model_stats"]
        return stats[0]

    array = VALUES["INT16"].reshape(2, 3)
    infer(array)
    before = counts()
    infer(array)
    with refused(400):
        infer(array.astype(np.int32))
    after = counts()
    expect_equal(after["name"], "identity-INT16")
    expect_equal(after["version"], "1")
    expect_equal(after["inference_count"] - before["inference_count"], 2)
    expect_equal(after["execution_count"] - before["execution_count"], 1)
    durations = lambda stats, key: stats["inference_stats"][key]["count"]
    expect_equal(durations(after, "success") - durations(before, "success"), 1)
    expect_equal(durations(after, "fail") - durations(before, "fail"), 1)
    for key in ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"):
        expect(after["inference_stats"][key]["ns"] >= 0, key)


@check("statistics of all models, and of an unknown one")
def _():
    names = {each["name"] for each in client.get_inference_statistics()["model_stats"]}
    expect("identity-INT16" in names, f"got {names}")
    with refused(404, "nothing"):
        client.get_inference_statistics("nothing")


# ---- Requests of many kinds


@check("two inputs in any order and form, two outputs, all of them without asking")
def _():
    result = client.infer("arithmetic", [tensor("b", FLOATS + 1, False), tensor("a", FLOATS)])
    expect_same_bits(result.as_numpy("sum"), FLOATS + FLOATS + 1)
    expect_same_bits(result.as_numpy("product"), FLOATS * (FLOATS + 1))
    expect_equal(result.get_response()["model_name"], "arithmetic")
    expect_equal(result.get_response()["model_version"], "1")


@check("only the outputs that are asked for, in their order, each in its own form")
def _():
    inputs = [tensor("a", FLOATS), tensor("b", FLOATS)]
    result = client.infer("arithmetic", inputs, outputs=[wanted("product", False)])
    expect_equal([each["name"] for each in result.get_response()["outputs"]], ["product"])
    outputs = [wanted("product", False), wanted("sum")]
    result = client.infer("arithmetic", inputs, outputs=outputs)
    expect_equal([each["name"] for each in result.get_response()["outputs"]], ["product", "sum"])
    expect_same_bits(result.as_numpy("product"), FLOATS * FLOATS)
    expect_same_bits(result.as_numpy("sum"), FLOATS + FLOATS)


@check("the request's id comes back, and none without one")
def _():
    inputs = [tensor("a", FLOATS), tensor("b", FLOATS)]
    result = client.infer("arithmetic", inputs, request_id="größer-1")
    expect_equal(result.get_response()["id"], "größer-1")
    expect("id" not in client.infer("arithmetic", inputs).get_response(), "an id nobody gave")


@check("parameters of the caller, priority and timeout are accepted")
def _():
    result = client.infer(
        "arithmetic",
        [tensor("a", FLOATS), tensor("b", FLOATS)],
        priority=1,
        timeout=5_000_000,
        parameters={"mine": "text", "count": 3, "share": 0.5, "yes": True},
    )
    expect_same_bits(result.as_numpy("sum"), FLOATS + FLOATS)


@check("a timeout that has passed is a 504")
def _():
    with refused(504):
        client.infer("arithmetic", [tensor("a", FLOATS), tensor("b", FLOATS)], timeout=1)


@check("sequences are refused")
def _():
    with refused(400, "sequence_id"):
        client.infer(
            "arithmetic",
            [tensor("a", FLOATS), tensor("b", FLOATS)],
            sequence_id=7,
            sequence_start=True,
        )


@check("versions: the highest number by default, others and aliases by name")
def _():
    zero = np.zeros(1, np.float32)
    answer = lambda version: client.infer("versions", [tensor("x", zero)], model_version=version)
    for version, expected in {"": "10", "1": "1", "2": "2", "10": "10", "stable": "2"}.items():
        result = answer(version)
        expect_equal(result.get_response()["model_version"], expected)
        expect_same_bits(result.as_numpy("y"), zero + np.float32(expected))
    with refused(404, "versions", "3"):
        answer("3")


@check("a model name of any script and with a space")
def _():
    array = np.array([1, -1], np.int32)
    result = client.infer("Straße 模型", [tensor("x", array)])
    expect_same_bits(result.as_numpy("y"), array)
    expect_equal(client.get_model_metadata("Straße 模型")["name"], "Straße 模型")


@check("forty calls at once through async_infer, each with its own answer")
def _():
    arrays = [np.full((2, 2), number, np.float32) for number in range(40)]
    calls = [client.async_infer("arithmetic", [tensor("a", a), tensor("b", a)]) for a in arrays]
    for array, call in zip(arrays, calls):
        expect_same_bits(call.get_result().as_numpy("sum"), array + array)


@check("async_infer raises the server's refusal at its result")
def _():
    call = client.async_infer("nothing", [tensor("x", FLOATS)])
    with refused(404, "nothing"):
        call.get_result()


# ---- Compression


def compressed(request, response, binary):
    array = np.tile(np.arange(3, dtype=np.float32), (4000, 1))
    headers = {}
    result = client.infer(
        "identity-FP32",
        [tensor("x", array, binary)],
        outputs=[wanted("y", binary)],
        headers=headers,
        request_compression_algorithm=request,
        response_compression_algorithm=response,
    )
    expect_same_bits(result.as_numpy("y"), array)


for coding in ("gzip", "deflate"):
    for binary in (True, False):
        form = "binary" if binary else "JSON"
        checks += [
            (f"{coding} in, {form}", lambda a=(coding, None, binary): compressed(*a)),
            (f"{coding} out, {form}", lambda a=(None, coding, binary): compressed(*a)),
            (f"{coding} in and out, {form}", lambda a=(coding, coding, binary): compressed(*a)),
        ]


# ---- Raw requests and requests that the caller sends himself


def post(path, body, headers):
    connection = http.client.HTTPConnection(HOST)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response, answer


def parsed(response, answer):
    expect_equal(response.status, 200)
    return triton.InferResult.from_response_body(
        answer,
        header_length=response.getheader("Inference-Header-Content-Length"),
        content_encoding=response.getheader("Content-Encoding"),
    )


@check("a raw request is one tensor, and is answered in binary")
def _():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": "0",
    }
    response, answer = post("/v2/models/raw/infer", array.tobytes(), headers)
    result = parsed(response, answer)
    expect_same_bits(result.as_numpy("y"), array)
    expect("binary_data_size" in result.get_output("y")["parameters"], "not in binary")
    response, answer = post("/v2/models/raw/infer", array.tobytes()[:-1], headers)
    expect_equal(response.status, 400)
    response, answer = post("/v2/models/arithmetic/infer", array.tobytes(), headers)
    expect_equal(response.status, 400)
    expect("one input" in json.loads(answer)["error"], answer)


@check("a body made by generate_request_body, read by parse_response_body")
def _():
    for binary in (True, False):
        body, json_size = triton.InferenceServerClient.generate_request_body(
            [tensor("a", FLOATS, binary), tensor("b", FLOATS, binary)],
            outputs=[wanted("sum", binary)],
        )
        headers = {"Content-Type": "application/octet-stream" if binary else "application/json"}
        if json_size is not None:
            headers["Inference-Header-Content-Length"] = str(json_size)
        response, answer = post("/v2/models/arithmetic/infer", body, headers)
        size = response.getheader("Inference-Header-Content-Length")
        result = triton.InferenceServerClient.parse_response_body(
            answer, header_length=None if size is None else int(size)
        )
        expect_same_bits(result.as_numpy("sum"), FLOATS + FLOATS)


@check("a compressed answer says so, and is smaller")
def _():
    body = json.dumps(
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2000, 3], "data": [1.5] * 6000}]}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Accept-Encoding": "gzip",
    }
    response, answer = post("/v2/models/identity-FP32/infer", gzip.compress(body), headers)
    expect_equal(response.getheader("Content-Encoding"), "gzip")
    expect(len(answer) < 1000, f"{len(answer)} bytes")
    result = parsed(response, answer)
    expect_same_bits(result.as_numpy("y"), np.full((2000, 3), 1.5, np.float32))


# ---- Classification


@check("classification gives the highest values with their labels, in binary and in JSON")
def _():
    array = np.array([[0.1, 0.7, -3, 0.5], [4, 3, 2, 9]], np.float32)
    for binary in (True, False):
        result = client.infer(
            "classes", [tensor("x", array)], outputs=[wanted("y", binary, classes=2)]
        )
        expect_equal(result.get_output("y")["datatype"], "BYTES")
        expect_equal(
            as_text(result.as_numpy("y")).tolist(),
            [["0.7:1:pear", "0.5:3:東京"], ["9:3:東京", "4:0:apple"]],
        )


@check("classification without labels, and of more classes than there are")
def _():
    array = np.array([[1, 5, 10]], np.int32)
    result = client.infer(
        "identity-INT32", [tensor("x", array)], outputs=[wanted("y", classes=100)]
    )
    expect_equal(as_text(result.as_numpy("y")).tolist(), [["10:2", "5:1", "1:0"]])


# ---- Repository


def index():
    return {(each["name"], each.get("version")): each for each in client.get_model_repository_index()}


@check("the repository's index lists every model and version with its state")
def _():
    entries = index()
    for version in ("1", "2", "10"):
        expect_equal(entries["versions", version]["state"], "READY")
    expect(("Straße 模型", "1") in entries, "a name of any script")


@check("a model is loaded, unloaded, and there again at the next call")
def _():
    client.load_model("raw")
    expect(client.is_model_ready("raw"), "not ready")
    client.unload_model("raw")
    client.unload_model("raw", unload_dependents=True)
    array = np.ones((1, 4), np.float32)
    expect_same_bits(client.infer("raw", [tensor("x", array)]).as_numpy("y"), array)


@check("a load with its own configuration or files is refused")
def _():
    with refused(400, "config"):
        client.load_model("raw", config='{"max_batch_size": 1}')
    with refused(400):
        client.load_model("raw", config="{}", files={"file:1/model.onnx": b"x"})


@check("loading what is broken or unknown is refused, and the index tells why")
def _():
    with refused(503, "broken"):
        client.load_model("broken")
    with refused(404, "nothing"):
        client.load_model("nothing")
    with refused(404, "nothing"):
        client.unload_model("nothing")


# ---- Refusals


@check("unknown models, versions and broken models: 404, 404, 503, each saying which")
def _():
    with refused(404, "nothing"):
        client.infer("nothing", [tensor("x", FLOATS)])
    with refused(404, "7"):
        client.get_model_metadata("versions", "7")
    with refused(404, "nothing"):
        client.get_model_metadata("nothing")
    with refused(404, "nothing"):
        client.get_model_config("nothing")
    with refused(503, "broken"):
        client.get_model_metadata("broken")


@check("wrong names, datatypes, shapes and outputs: 400 that says what the model takes")
def _():
    row = np.ones((1, 3), np.float32)
    with refused(400, "wrong", '"x" FP32 [-1,3]'):
        client.infer("identity-FP32", [tensor("wrong", row)])
    with refused(400, "missing"):
        client.infer("arithmetic", [tensor("a", FLOATS)])
    with refused(400, "again"):
        client.infer("identity-FP32", [tensor("x", row), tensor("x", row)])
    with refused(400, "FP32", "FP64"):
        client.infer("identity-FP32", [tensor("x", row.astype(np.float64))])
    with refused(400, "shape", "3"):
        client.infer("identity-FP32", [tensor("x", np.ones((1, 4), np.float32))])
    with refused(400, "dimensions"):
        client.infer("identity-FP32", [tensor("x", np.ones(3, np.float32))])
    with refused(400, "outputs", "wrong"):
        client.infer("identity-FP32", [tensor("x", row)], outputs=[wanted("wrong")])
    with refused(400, "inputs"):
        client.infer("identity-FP32", [])


@check("names that no model can have")
def _():
    for name in ("..", "%2e%2e", "a\u0000b", "x" * 200):
        with refused(400):
            client.get_model_metadata(name)


@check("shared memory is refused in a request, and its endpoints are not there")
def _():
    shared = triton.InferInput("x", [1, 3], "FP32")
    shared.set_shared_memory("region", 12)
    with refused(400, "shared memory"):
        client.infer("identity-FP32", [shared])
    with refused(404):
        client.register_system_shared_memory("region", "/region", 12)


@check("trace and log settings are not there")
def _():
    with refused(404):
        client.get_trace_settings()
    with refused(404):
        client.get_log_settings()


@check("a body over the gateway's limit is a 413")
def _():
    array = np.zeros((700_000, 3), np.float32)
    with refused(413):
        client.infer("identity-FP32", [tensor("x", array)])


@check("an answer over the limit is a 413 that says what to do")
def _():
    array = np.random.default_rng(2).random((350_000, 3), np.float32)
    with refused(413, "binary"):
        client.infer("identity-FP32", [tensor("x", array)], outputs=[wanted("y", binary=False)])


# ---- The asynchronous client


async def through_aio():
    async with triton_aio.InferenceServerClient(HOST) as aio:
        expect(await aio.is_server_ready(), "not ready")
        expect_equal((await aio.get_model_metadata("raw"))["name"], "raw")
        expect_equal((await aio.get_model_config("raw"))["name"], "raw")
        array = np.tile(np.arange(4, dtype=np.float32), (1000, 1))
        for binary in (True, False):
            inputs = [tensor("x", array, binary)]
            for coding in (None, "gzip", "deflate"):
                result = await aio.infer(
                    "raw",
                    inputs,
                    outputs=[wanted("y", binary)],
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                expect_same_bits(result.as_numpy("y"), array)
        answers = await asyncio.gather(
            *(aio.infer("raw", [tensor("x", array + number)]) for number in range(8))
        )
        for number, result in enumerate(answers):
            expect_same_bits(result.as_numpy("y"), array + number)
        with refused(404, "nothing"):
            await aio.infer("nothing", [tensor("x", array)])


@check("the asyncio client: metadata, JSON and binary, compression, calls at once, refusals")
def _():
    asyncio.run(through_aio())


failed = 0
for name, run in checks:
    try:
        run()
        print(f"ok - {name}", flush=True)
    except Exception as error:
        failed += 1
        print(f"FAILED - {name}: {type(error).__name__}: {error}", flush=True)
        if not isinstance(error, (AssertionError, InferenceServerException)):
            traceback.print_exc()
client.close()
print(f"{len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
