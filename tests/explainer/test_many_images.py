"""Seventy images in one process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A map of one image is 2 KiB, its accumulators 190 KiB, a batch of masked copies 220 or 440 KiB:
# whoever keeps the accumulators of 50 images, or 20 batches, is over. The allocator needs room.
ROOM = 8 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_seventy_images_take_no_more_memory_than_twenty(mode):
    command = [sys.executable, "-m", "tests.explainer._memory_growth", mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout.splitlines()[-1])
    leaked = grown.pop("planted leak")  # half a megabyte of every image
    assert leaked > ROOM
    assert max(grown.values()) < ROOM, grown
