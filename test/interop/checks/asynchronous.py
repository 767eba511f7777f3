"""Triton's client for asyncio."""

import asyncio

import numpy as np
import tritonclient.http.aio as triton_aio
from harness import (
    HOST,
    check,
    expect,
    expect_equal,
    expect_same_bits,
    refused,
    tensor,
    wanted,
)


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
