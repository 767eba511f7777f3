"""What is refused: with which status, and what the message says."""

import numpy as np
import tritonclient.http as triton
from harness import check, client, refused, tensor, wanted

FLOATS = np.arange(4, dtype=np.float32).reshape(2, 2)


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
