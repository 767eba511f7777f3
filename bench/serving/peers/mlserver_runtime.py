"""A runtime for MLServer, which has none for ONNX: it speaks the same protocol as Pilotlight, in JSON."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

import sessions


class OnnxModel(MLModel):
    async def load(self) -> bool:
        self.session = sessions.create(self.name)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        x = NumpyCodec.decode_input(payload.inputs[0])
        y = self.session.run(["y"], {"x": x})[0]
        output = NumpyCodec.encode_output("y", y)
        return InferenceResponse(model_name=self.name, outputs=[output])
