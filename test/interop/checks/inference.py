"""Inference requests of many kinds: inputs, outputs, ids, parameters, versions, calls at once, classification."""

import numpy as np
from tensors import as_text
from harness import (
    check,
    client,
    expect,
    expect_equal,
    expect_same_bits,
    refused,
    tensor,
    wanted,
)

FLOATS = np.arange(4, dtype=np.float32).reshape(2, 2)


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
