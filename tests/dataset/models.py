"""The small network, as --model names it."""

from tests.dataset.conftest import small_network


def network():
    return small_network()
