"""Compression, raw requests, and bodies that the caller sends himself."""

import gzip
import http.client
import json

import numpy as np
import tritonclient.http as triton
from harness import (
    HOST,
    check,
    checks,
    client,
    expect,
    expect_equal,
    expect_same_bits,
    tensor,
    wanted,
)

FLOATS = np.arange(4, dtype=np.float32).reshape(2, 2)


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
