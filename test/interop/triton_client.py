"""Drives a Pilotlight server with Triton's own client for Python, check by check.

    python triton_client.py HOST:PORT

The server's model repository is the one of models.ts. The last line is `N passed, N failed`, and the exit code
follows it.
"""

import sys
import traceback
from importlib import import_module
from pathlib import Path

from tritonclient.utils import InferenceServerException

sys.path.append(str(Path(__file__).parent / "checks"))
# In this order: importing one registers its checks.
for topic in (
    "server_and_models",
    "datatypes",
    "counts",
    "inference",
    "bodies",
    "repository",
    "refusals",
    "asynchronous",
):
    import_module(topic)
from harness import checks, client

failed = 0
for name, run in checks:
    try:
        run()
        print(f"ok - {name}", flush=True)
    except Exception as error:
        failed += 1
        print(f"FAILED - {name}: {type(error).__name__}: {error}", flush=True)
        if not isinstance(error, (AssertionError, InferenceServerException)):
            traceback.print_exc()
client.close()
print(f"{len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
