"""Coarse masks."""

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops import MaskSpec, mask_grid


def words_by_hand(seed: int, index: int, count: int, stream: int = 0) -> list[int]:
    """The words of an index in plain Python integers, from Salmon et al. 2011."""
    words: list[int] = []
    for block in range((count + 3) // 4):
        c = [block, index & 0xFFFFFFFF, index >> 32, stream]
        k = [seed & 0xFFFFFFFF, seed >> 32]
        for _ in range(10):
            p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(p1 >> 32) ^ c[1] ^ k[0], p1 % 2**32, (p0 >> 32) ^ c[3] ^ k[1], p0 % 2**32]
            k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
        words += c
    return words[:count]


@pytest.mark.parametrize(("seed", "first"), [(0, 0), (2**64 - 1, 2**40 + 3), (12345678901234, 77)])
def test_cells_and_shifts_are_the_stated_function_of_the_words(backend, seed, first):
    spec = MaskSpec(seed, (20, 30), (3, 5), 0.3, (4, 9))
    cells, shifts = mask_grid(spec, first, 3, backend=backend)
    for row in range(3):
        words = words_by_hand(seed, first + row, 17)
        kept = [int(word < round(0.3 * 2**32)) for word in words[:15]]
        assert cells[row].ravel().tolist() == kept
        assert shifts[row].tolist() == [words[15] * 4 >> 32, words[16] * 9 >> 32]


@pytest.mark.parametrize("grid", [(10, 10), (1, 1), (7, 13), (1, 62), (16, 16)])
def test_every_isa_equals_the_reference_to_the_bit(isa, grid):
    spec = MaskSpec(99, (64, 64), grid, 0.5, (11, 11))
    cells, shifts = mask_grid(spec, 1000, 50, backend="native")
    expected = reference.mask_grid(99, 1000, 50, grid, 2**31, (11, 11))
    np.testing.assert_array_equal(cells, expected[0])
    np.testing.assert_array_equal(shifts, expected[1])


def test_masks_do_not_depend_on_the_batch(backend):
    spec = MaskSpec(5, (32, 32))
    whole = mask_grid(spec, 0, 10, backend=backend)
    parts = [mask_grid(spec, first, 5, backend=backend) for first in (0, 5)]
    for k in range(2):
        np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))


def test_frequencies_are_those_asked_for():
    spec = MaskSpec(1, (32, 32), (10, 10), 0.3, (11, 11))
    cells, shifts = mask_grid(spec, 0, 20000)
    assert abs(cells.mean() - 0.3) < 4 * np.sqrt(0.21 / cells.size)
    per_cell = (cells.mean(axis=0) - 0.3) / np.sqrt(0.21 / 20000)
    assert 60 < (per_cell**2).sum() < 150  # chi squared of 100 degrees of freedom
    counts = np.array([np.bincount(shifts[:, axis], minlength=11) for axis in range(2)])
    expected = 20000 / 11
    assert counts.shape == (2, 11)
    assert ((counts - expected) ** 2 / expected).sum() < 50  # 20 degrees of freedom
    flat = cells.reshape(20000, 100) - cells.mean()
    correlation = np.corrcoef(flat.T)[np.triu_indices(100, 1)] * np.sqrt(20000)
    assert 0.95 < correlation.std() < 1.05


def test_probabilities_0_and_1_are_exact(backend):
    for probability in (0.0, 1.0):
        cells, _ = mask_grid(MaskSpec(0, (8, 8), 10, probability), 0, 9, backend=backend)
        assert (cells == probability).all()


def test_a_cell_whose_word_equals_the_threshold_is_not_kept(backend):
    word = words_by_hand(7, 0, 1)[0]
    for threshold, kept in ((word, 0), (word + 1, 1)):
        spec = MaskSpec(7, (8, 8), 10, threshold / 2**32)
        assert spec.threshold == threshold
        assert mask_grid(spec, 0, 1, backend=backend)[0][0, 0, 0] == kept


def test_no_masks_is_an_empty_array(backend):
    cells, shifts = mask_grid(MaskSpec(0, (8, 8)), 0, 0, backend=backend)
    assert cells.shape == (0, 10, 10)
    assert shifts.shape == (0, 2)


def test_too_many_cells_are_refused():
    with pytest.raises(ValueError, match="2\\^31 or more"):
        mask_grid(MaskSpec(0, (8, 8), (2**16, 2**16)), 0, 1)


def test_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="`backend` must be one of"):
        mask_grid(MaskSpec(0, (8, 8)), backend="cuda")


def test_same_bits_for_any_number_of_threads(threads):
    spec = MaskSpec(3, (8, 8))
    threads(1)
    one, _ = mask_grid(spec, 0, 20001)
    threads(3)
    three, _ = mask_grid(spec, 0, 20001)
    np.testing.assert_array_equal(one, three)


# ---- design oa128 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "first"), [(0, 0), (2**64 - 1, 2**41 + 3), (12345678901234, 77), (5, 2**39 - 2)]
)
def test_oa128_is_the_stated_function_of_the_words(backend, seed, first):
    spec = MaskSpec(seed, (20, 30), (3, 5), shift_range=(4, 9), design="oa128")
    cells, shifts = mask_grid(spec, first, 4, backend=backend)
    for row in range(4):
        block, r = divmod(first + row, 128)
        words = words_by_hand(seed, block, 129, stream=1)
        order = sorted(range(127), key=lambda k: (words[k], k))
        for k, cell in enumerate(cells[row].ravel()):
            column = 1 + order.index(k)
            assert cell == (bin(r & column).count("1") + words[k]) % 2
        assert shifts[row].tolist() == [words[127] * 4 >> 32, words[128] * 9 >> 32]


@pytest.mark.parametrize("grid", [(10, 10), (1, 1), (7, 13), (1, 127), (127, 1), (2, 2)])
def test_oa128_of_every_isa_equals_the_reference_to_the_bit(isa, grid):
    spec = MaskSpec(99, (64, 64), grid, design="oa128")
    cells, shifts = mask_grid(spec, 1000, 300, backend="native")
    expected = mask_grid(spec, 1000, 300, backend="reference")
    np.testing.assert_array_equal(cells, expected[0])
    np.testing.assert_array_equal(shifts, expected[1])


@pytest.mark.parametrize("grid", [(10, 10), (127, 1), (2, 3)])
def test_oa128_balances_every_cell_and_every_two_cells_in_a_whole_block(backend, grid):
    spec = MaskSpec(3, (64, 64), grid, design="oa128")
    for block in (0, 5):
        cells, shifts = mask_grid(spec, 128 * block, 128, backend=backend)
        flat = cells.reshape(128, -1).astype(int)
        assert (flat.sum(axis=0) == 64).all()
        together = flat.T @ flat
        assert (together[~np.eye(len(together), dtype=bool)] == 32).all()
        assert (shifts == shifts[0]).all()


def test_oa128_blocks_are_not_aligned_to_the_batch_but_to_the_index(backend):
    spec = MaskSpec(5, (32, 32), design="oa128")
    whole = mask_grid(spec, 0, 400, backend=backend)
    edges = [0, 1, 100, 128, 129, 300, 400]
    parts = [
        mask_grid(spec, first, last - first, backend=backend)
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    ]
    for k in range(2):
        np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))


def test_oa128_blocks_and_cells_are_independent_of_each_other():
    """Over blocks: columns and signs of two cells, and shifts, in their stated frequencies."""
    blocks = 4000
    spec = MaskSpec(1, (32, 32), (2, 2), design="oa128")
    cells, shifts = mask_grid(spec, 0, 128 * blocks)
    columns = cells.reshape(blocks, 128, 4)
    signs = columns[:, 0].astype(float)  # row 0 meets no column: the sign alone
    assert np.abs((signs.mean(axis=0) - 0.5) * 2 * np.sqrt(blocks)).max() < 4
    correlation = np.corrcoef(signs.T)[np.triu_indices(4, 1)] * np.sqrt(blocks)
    assert np.abs(correlation).max() < 4
    bits = (columns[:, [1, 2, 4, 8, 16, 32, 64]] ^ columns[:, :1]).astype(int)
    numbers = (bits * 2 ** np.arange(7)[:, None]).sum(axis=1)  # columns of the four cells
    assert numbers.min() == 1
    assert numbers.max() == 127
    assert (np.diff(np.sort(numbers, axis=1), axis=1) > 0).all()  # never twice in a block
    counts = np.bincount(numbers[:, 0], minlength=128)[1:]
    expected = blocks / 127
    assert 80 < ((counts - expected) ** 2 / expected).sum() < 180  # 126 degrees of freedom
    counts = np.bincount(shifts[::128, 0], minlength=11)
    assert ((counts - blocks / 11) ** 2 / (blocks / 11)).sum() < 30  # 10 degrees of freedom


def test_oa128_gives_no_masks_and_the_same_bits_for_any_number_of_threads(threads):
    spec = MaskSpec(3, (8, 8), design="oa128")
    assert mask_grid(spec, 0, 0)[0].shape == (0, 10, 10)
    assert mask_grid(spec, 0, 0, backend="reference")[0].shape == (0, 10, 10)
    threads(1)
    one, _ = mask_grid(spec, 77, 20001)
    threads(3)
    three, _ = mask_grid(spec, 77, 20001)
    np.testing.assert_array_equal(one, three)
