"""How many threads the kernels take, in processes of their own."""

import os
import subprocess
import sys

import pytest

from fastxai import ops

SCRIPT = """
import mindspore
import fastxai
from fastxai import ops
found = [ops.native_info()["num_threads"]]
for threads in (5, 0):
    fastxai.set_num_threads(threads)
    found.append(ops.native_info()["num_threads"])
print(*found)
"""


@pytest.mark.skipif(not ops.has_native(), reason="no native kernels")
@pytest.mark.parametrize("said", ["3", "3,2", None, "many"])
def test_the_default_is_the_environments_else_all_cores_though_mindspore_sets_its_own(said):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if said is not None:
        environment["OMP_NUM_THREADS"] = said
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    default = 3 if said in ("3", "3,2") else len(os.sched_getaffinity(0))
    assert run.stdout.split() == [str(default), "5", str(default)]
