"""LitServe with its faster queue between the server's process and the worker's. It takes JSON, not bytes."""

import sys

import litserve
import numpy as np

import sessions


class OnnxApi(litserve.LitAPI):
    def setup(self, device):
        self.models = sessions.load()

    def decode_request(self, request):
        tensor = request["inputs"][0]
        x = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        return request["model"], x

    def predict(self, inputs):
        name, x = inputs
        return self.models[name].run(["y"], {"x": x})[0]

    def encode_response(self, y):
        output = {"name": "y", "datatype": "FP32", "shape": y.shape, "data": y.ravel().tolist()}
        return {"outputs": [output]}


if __name__ == "__main__":
    server = litserve.LitServer(OnnxApi(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
