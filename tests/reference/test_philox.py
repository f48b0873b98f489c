"""The reference generator against Random123's known answers."""

from pathlib import Path

import numpy as np
import pytest

from fastxai.reference import philox4x32

_FILE = Path(__file__).parents[1] / "data" / "philox_kat.txt"
KNOWN = [line.split() for line in _FILE.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: f"{row[0]}-{row[1]}")
def test_known_answers_of_random123(row):
    words = [int(word, 16) for word in row[1:]]
    output = philox4x32(np.array(words[:4]), (words[4], words[5]), rounds=int(row[0]))
    assert output.tolist() == words[6:]


def test_is_vectorised_over_leading_axes():
    counters = np.arange(24).reshape(2, 3, 4)
    one_by_one = [[philox4x32(c, (5, 6)).tolist() for c in row] for row in counters]
    assert philox4x32(counters, (5, 6)).tolist() == one_by_one
