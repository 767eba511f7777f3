"""What an environment counts. Each counts for itself: these run before two calls at once start a second one."""

import numpy as np
from harness import check, client, expect, expect_equal, refused, tensor


@check("statistics count calls, rows and failures")
def _():
    infer = lambda array: client.infer("identity-INT16", [tensor("x", array)])

    def counts():
        stats = client.get_inference_statistics("identity-INT16", "1")["model_stats"]
        return stats[0]

    array = np.arange(6, dtype=np.int16).reshape(2, 3)
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
