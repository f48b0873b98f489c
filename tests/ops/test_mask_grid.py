"""Coarse masks."""

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops import MaskSpec, mask_grid
from fastxai.ops.native import native
from fastxai.ops.placement import placed_columns


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


# ---- designs in blocks ----------------------------------------------------------------------

BLOCKS = ("oa128", "placed", "lattice")


def power_table():
    """Powers of x in the field of 128 elements of modulus x^7 + x + 1."""
    powers = [1]
    while len(powers) < 127:
        powers.append(2 * powers[-1] if powers[-1] < 64 else 2 * powers[-1] ^ 0b10000011)
    return powers


def placed_by_hand(words, grid):
    """Columns of a block's cells by logarithms in the field."""
    rows, cols = grid
    powers, table = power_table(), placed_columns(grid)
    factor, flips = 1 + words[129] * 127 // 2**32, words[130]
    columns = []
    for y, x in np.ndindex(grid):
        row, col = (x, y) if flips & 4 and rows == cols else (y, x)
        row, col = (rows - 1 - row if flips & 1 else row), (cols - 1 - col if flips & 2 else col)
        log = powers.index(factor) + powers.index(table[row * cols + col])
        columns.append(powers[log % 127])
    return columns


@pytest.mark.parametrize("design", BLOCKS)
@pytest.mark.parametrize(
    ("seed", "first"), [(0, 0), (2**64 - 1, 2**41 + 3), (12345678901234, 77), (5, 2**39 - 2)]
)
def test_blocks_are_the_stated_function_of_the_words(backend, seed, first, design):
    for grid in ((3, 5), (4, 4)):
        spec = MaskSpec(seed, (20, 30), grid, shift_range=(4, 9), design=design)
        cells, shifts = mask_grid(spec, first, 4, backend=backend)
        for row in range(4):
            block, r = divmod(first + row, 128)
            words = words_by_hand(seed, block, 131, stream=1)
            order = sorted(range(127), key=lambda k, words=words: (words[k], k))
            columns = [1 + order.index(k) for k in range(127)]
            if design != "oa128":
                columns = placed_by_hand(words, grid)
            for k, cell in enumerate(cells[row].ravel()):
                assert cell == (bin(r & columns[k]).count("1") + words[k]) % 2
            drawn = words[127:129]
            if design == "lattice":
                start, steps = words_by_hand(seed, 0, 2, stream=2), (3242174889, 2447445414)
                drawn = [(s + block * step) % 2**32 for s, step in zip(start, steps, strict=True)]
            assert shifts[row].tolist() == [drawn[0] * 4 >> 32, drawn[1] * 9 >> 32]


@pytest.mark.parametrize("design", BLOCKS)
@pytest.mark.parametrize("grid", [(10, 10), (1, 1), (7, 13), (1, 127), (127, 1), (2, 2)])
def test_blocks_of_every_isa_equal_the_reference_to_the_bit(isa, grid, design):
    spec = MaskSpec(99, (64, 64), grid, design=design)
    cells, shifts = mask_grid(spec, 1000, 300, backend="native")
    expected = mask_grid(spec, 1000, 300, backend="reference")
    np.testing.assert_array_equal(cells, expected[0])
    np.testing.assert_array_equal(shifts, expected[1])


@pytest.mark.parametrize("design", BLOCKS)
@pytest.mark.parametrize("grid", [(10, 10), (127, 1), (2, 3)])
def test_blocks_balance_every_cell_and_every_two_cells(backend, grid, design):
    spec = MaskSpec(3, (64, 64), grid, design=design)
    for block in (0, 5):
        cells, shifts = mask_grid(spec, 128 * block, 128, backend=backend)
        flat = cells.reshape(128, -1).astype(int)
        assert (flat.sum(axis=0) == 64).all()
        together = flat.T @ flat
        assert (together[~np.eye(len(together), dtype=bool)] == 32).all()
        assert (shifts == shifts[0]).all()


@pytest.mark.parametrize("design", BLOCKS)
def test_blocks_are_not_aligned_to_the_batch_but_to_the_index(backend, design):
    spec = MaskSpec(5, (32, 32), design=design)
    whole = mask_grid(spec, 0, 400, backend=backend)
    edges = [0, 1, 100, 128, 129, 300, 400]
    parts = [
        mask_grid(spec, first, last - first, backend=backend)
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    ]
    for k in range(2):
        np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))


def columns_of(cells):
    """Columns (blocks, cells) from cells (blocks, 128, cells): rows 0, 1, 2, 4, ... tell them."""
    bits = (cells[:, [1, 2, 4, 8, 16, 32, 64]] ^ cells[:, :1]).astype(int)
    return (bits * 2 ** np.arange(7)[:, None]).sum(axis=1)


@pytest.mark.parametrize("design", BLOCKS)
def test_blocks_and_cells_are_independent_of_each_other(design):
    """Over blocks: columns and signs of cells, and shifts, in their stated frequencies."""
    blocks = 4000
    spec = MaskSpec(1, (32, 32), (2, 2), design=design)
    cells, shifts = mask_grid(spec, 0, 128 * blocks)
    cells = cells.reshape(blocks, 128, 4)
    signs = cells[:, 0].astype(float)  # row 0 meets no column: the sign alone
    assert np.abs((signs.mean(axis=0) - 0.5) * 2 * np.sqrt(blocks)).max() < 4
    correlation = np.corrcoef(signs.T)[np.triu_indices(4, 1)] * np.sqrt(blocks)
    assert np.abs(correlation).max() < 4
    numbers = columns_of(cells)
    assert numbers.min() == 1
    assert numbers.max() == 127
    assert (np.diff(np.sort(numbers, axis=1), axis=1) > 0).all()  # never twice in a block
    expected = blocks / 127
    for cell in range(4):
        counts = np.bincount(numbers[:, cell], minlength=128)[1:]
        assert 80 < ((counts - expected) ** 2 / expected).sum() < 180  # 126 degrees of freedom
    counts = np.bincount(shifts[::128, 0], minlength=11)
    assert ((counts - blocks / 11) ** 2 / (blocks / 11)).sum() < 30  # 10 degrees of freedom


def test_a_placed_block_has_the_table_mirrored_or_turned_and_all_its_xors():
    """What the columns were placed for holds in every block: who meets whom."""
    grid, blocks = (5, 5), 400
    cells, _ = mask_grid(MaskSpec(4, (32, 32), grid, design="placed"), 0, 128 * blocks)
    table = np.frombuffer(placed_columns(grid), np.uint8).reshape(grid)
    views = [np.rot90(flip, turns) for flip in (table, table.T) for turns in range(4)]
    powers = power_table()
    logs = np.array([powers.index(k) if k else -1 for k in range(128)])
    met = set()
    for found in columns_of(cells.reshape(blocks, 128, 25)):
        factors = [np.unique((logs[found] - logs[view.ravel()]) % 127) for view in views]
        (view,) = [k for k, factor in enumerate(factors) if len(factor) == 1]  # one, and only one
        met.add(view)
    assert met == set(range(8))


@pytest.mark.parametrize("grid", [(10, 10), (3, 5), (7, 7), (1, 9), (9, 14)])
def test_near_cells_meet_fewer_others_than_by_chance(grid):
    """By counting: pairs side by side whose columns' xor is a third cell's column."""
    columns = np.frombuffer(placed_columns(grid), np.uint8).reshape(grid).astype(int)
    assert len(set(columns.ravel())) == columns.size
    assert columns.min() >= 1
    assert columns.max() <= 127
    xors = [*(columns[1:] ^ columns[:-1]).ravel(), *(columns[:, 1:] ^ columns[:, :-1]).ravel()]
    met = sum(xor in set(columns.ravel()) for xor in xors)
    chance = len(xors) * (columns.size - 2) / 125
    assert met <= 0.2 * chance if columns.size < 120 else met < 0.9 * chance
    if grid == (10, 10):
        assert (met, len(xors)) == (22, 180)
        diagonal = (columns[1:, 1:] ^ columns[:-1, :-1], columns[1:, :-1] ^ columns[:-1, 1:])
        assert sum(x in set(columns.ravel()) for part in diagonal for x in part.ravel()) == 32


@pytest.mark.parametrize("grid", [(6, 8), (1, 40), (11, 11), (1, 1)])
def test_the_kernels_place_columns_as_the_reference_does(grid):
    columns = np.empty(grid[0] * grid[1], np.uint8)
    native().place_columns(*grid, 3000, columns)
    np.testing.assert_array_equal(columns, reference.place_columns(grid, 3000))
    start = np.arange(1, 1 + columns.size)
    assert reference.placement_cost(grid, columns) <= reference.placement_cost(grid, start)


def test_the_shifts_of_a_lattice_are_spread_evenly():
    """Of 121 successive blocks at least 95 have shifts of their own; of independent ones 77."""
    for seed in range(5):
        _, shifts = mask_grid(MaskSpec(seed, (32, 32), (2, 2), design="lattice"), 0, 128 * 121)
        assert len(np.unique(shifts, axis=0)) >= 95


@pytest.mark.parametrize("design", BLOCKS)
def test_blocks_give_no_masks_and_the_same_bits_for_any_number_of_threads(threads, design):
    spec = MaskSpec(3, (8, 8), design=design)
    assert mask_grid(spec, 0, 0)[0].shape == (0, 10, 10)
    assert mask_grid(spec, 0, 0, backend="reference")[0].shape == (0, 10, 10)
    threads(1)
    one, _ = mask_grid(spec, 77, 20001)
    threads(3)
    three, _ = mask_grid(spec, 77, 20001)
    np.testing.assert_array_equal(one, three)
