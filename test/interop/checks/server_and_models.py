"""Health, metadata, configuration and readiness."""

from harness import check, client, expect, expect_equal


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
