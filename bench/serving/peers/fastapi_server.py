"""FastAPI as its documentation has it: models of the request and the answer, which it checks; and raw bytes."""

import numpy as np
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

import sessions

models = sessions.load()
app = FastAPI()


class Tensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class InferRequest(BaseModel):
    inputs: list[Tensor]


class InferResponse(BaseModel):
    outputs: list[Tensor]


@app.post("/models/{name}/infer")
async def infer(name: str, request: InferRequest) -> InferResponse:
    tensor = request.inputs[0]
    x = np.array(tensor.data, dtype=np.float32).reshape(tensor.shape)
    y = models[name].run(["y"], {"x": x})[0]
    output = Tensor(name="y", datatype="FP32", shape=list(y.shape), data=y.ravel().tolist())
    return InferResponse(outputs=[output])


@app.post("/models/{name}/infer-bytes")
async def infer_bytes(name: str, request: Request) -> Response:
    x = np.frombuffer(await request.body(), dtype=np.float32).reshape(1, -1)
    y = models[name].run(["y"], {"x": x})[0]
    return Response(y.tobytes(), media_type="application/octet-stream")
