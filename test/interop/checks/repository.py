"""The repository extension: index, load, unload."""

import numpy as np
from harness import check, client, expect, expect_equal, expect_same_bits, refused, tensor


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
