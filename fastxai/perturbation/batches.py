"""Cuts a run into batches."""


def even_batch(total: int, most: int) -> int:
    """Copies per batch, at most `most`.

    All batches have the same size, so the last one may hold copies that do not count. With up to a
    quarter more batches than there must be, the number that leaves the fewest is taken.

    Args:
        total: Copies of the run.
        most: Copies that a batch may have.
    """
    least = -(-total // most)
    batches = min(range(least, least * 5 // 4 + 1), key=lambda number: -total % number)
    return -(-total // batches)
