"""perturbation_per_eval='auto': what is tried, when it stops, and what it says."""

import mindspore as ms
import pytest
from mindspore import nn

from fastxai.engine import autotune, selector
from fastxai.engine.autotune import best_batch_size, is_out_of_memory
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.explainer import RISE, Occlusion
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close

EVER = 10**9  # images enough that trying all sizes does not matter
GIB = 2**30


def machine(rate_of, largest=None, error=MemoryError):
    """Scores at a rate that depends on the size; keeps the sizes that were tried."""
    sizes = []

    def seconds_of(size):
        sizes.append(size)
        if largest is not None and size > largest:
            raise error("no")
        return size / rate_of(size)

    seconds_of.sizes = sizes
    return seconds_of


def found(seconds_of, total=EVER, used=(0,), free=GIB):
    """best_batch_size with a memory that is told, and a clock that stands still."""
    steps = iter([*used, *[used[-1]] * 50])
    return best_batch_size(
        seconds_of,
        total,
        free_memory=lambda: free,
        used_memory=lambda: next(steps),
        clock=lambda: 0.0,
    )


@pytest.mark.parametrize(
    ("rate_of", "size", "tried"),
    [
        (lambda size: 50.0, 8, [32, 64, 16, 8]),  # all the same: the smallest
        (lambda size: min(size, 128), 128, [32, 64, 128, 256]),
        (lambda size: min(size, 16), 16, [32, 64, 16, 8]),
        (lambda size: min(size, 32), 32, [32, 64, 16]),
        (lambda size: 100 - size, 8, [32, 64, 16, 8]),
    ],
)
def test_the_fastest_size_is_found(rate_of, size, tried):
    seconds_of = machine(rate_of)
    assert found(seconds_of).size == size
    assert seconds_of.sizes == tried


def test_no_size_is_larger_than_the_run():
    seconds_of = machine(lambda size: size)
    assert found(seconds_of, total=100).size == 64
    assert found(machine(lambda size: size), total=5).size == 5
    assert max(seconds_of.sizes) <= 100


@pytest.mark.parametrize(
    "error",
    [MemoryError, lambda text: RuntimeError("std::bad_alloc")],
    ids=["MemoryError", "RuntimeError"],
)
@pytest.mark.parametrize(("largest", "size"), [(20, 16), (3, 2), (1, 1), (40, 32)])
def test_out_of_memory_backs_off_and_says_so(largest, size, error):
    result = found(machine(lambda size: size, largest, error))
    assert result.size == size
    assert result.failed
    assert str(result).endswith(f"; {2 * size} did not fit into memory")


def test_where_not_even_one_image_fits_the_error_comes_through():
    with pytest.raises(MemoryError):
        found(machine(lambda size: size, 0))


def test_other_errors_come_through():
    with pytest.raises(RuntimeError, match="no"):
        found(machine(lambda size: size, 0, RuntimeError))


def test_a_size_that_would_fill_the_memory_is_not_tried():
    """32 images took 0.3 GiB of 1: 64 would take more than half of it."""
    seconds_of = machine(lambda size: size)
    result = found(seconds_of, used=(0, int(0.3 * GIB)))
    assert result.size == 32
    assert 64 not in seconds_of.sizes
    assert str(result).endswith("; 64 would take too much memory")


def test_trying_stops_when_it_takes_its_share_of_the_run():
    now = [0.0]

    def seconds_of(size):
        now[0] += 3.0  # making an engine
        return size / size**2  # ever faster

    sizes = []
    for total in (100, 10**7):
        result = best_batch_size(seconds_of, total, clock=lambda: now[0])
        sizes.append(sorted(result.rates))
    assert sizes[0] == [32]
    assert len(sizes[1]) > 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("std::bad_alloc", True),
        ("Device(id:0) memory isn't enough and alloc failed", True),
        ("Failed to allocate memory for requested buffer of size 4", True),
        ("Allocate memory failed", True),
        ("the network failed", False),
        ("", False),
    ],
)
def test_what_counts_as_out_of_memory(text, expected):
    assert is_out_of_memory(RuntimeError(text)) == expected


def test_memory_is_read_from_the_kernel(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   2048 kB\n")
    assert autotune.free_bytes(str(tmp_path / "meminfo")) == 2048 * 1024
    assert autotune.free_bytes(str(tmp_path / "absent")) is None
    assert autotune.peak_bytes() > 1e7


# ---- in explainers --------------------------------------------------------------------------

MAKERS = {
    "RISE": lambda **options: RISE(
        networks.SmallConv(), nn.Softmax(), num_masks=200, seed=0, **options
    ),
    "Occlusion": lambda **options: Occlusion(networks.SmallConv(), nn.Softmax(), **options),
}
explainers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@explainers
def test_auto_gives_the_same_map(make, mode, images):
    expected = make(engine="mindspore")(ms.Tensor(images), 1)
    explainer = make(perturbation_per_eval="auto", engine="mindspore")
    for _ in range(2):
        maps = explainer(ms.Tensor(images), 1)
        assert_close(maps.asnumpy(), expected.asnumpy(), atol=NETWORK_ATOL)


@explainers
def test_auto_tries_once_for_images_of_a_size_and_says_what_it_found(make, images, messages):
    explainer = make(perturbation_per_eval="auto", engine="mindspore")
    for _ in range(2):
        explainer(ms.Tensor(images), 1)
    said = [text for text in messages() if "perturbation_per_eval='auto': " in text]
    assert len(said) == 1
    assert "images at a time (" in said[0]
    explainer(ms.Tensor(images[:, :, :18]), 1)
    assert len([text for text in messages() if "='auto': " in text]) == 2


@explainers
def test_auto_backs_off_in_an_explanation(make, images, messages, monkeypatch):
    real = MindSporeEngine.__call__
    sizes = []

    def small(self, batch):
        if len(batch) > 10:
            raise RuntimeError("Allocate memory failed")
        sizes.append(len(batch))
        return real(self, batch)

    expected = make(engine="mindspore")(ms.Tensor(images), 1)
    monkeypatch.setattr(MindSporeEngine, "__call__", small)
    explainer = make(perturbation_per_eval="auto", engine="mindspore")
    maps = explainer(ms.Tensor(images), 1)
    assert_close(maps.asnumpy(), expected.asnumpy(), atol=NETWORK_ATOL)
    assert "16 did not fit into memory" in messages()[-1]
    assert set(sizes) == {8}


@explainers
def test_auto_keeps_one_engine(make, engine, images):
    explainer = make(perturbation_per_eval="auto", engine=engine)
    explainer(ms.Tensor(images), 1)
    assert explainer.engine.engine == engine
    assert len(selector._cache) <= 2  # the one found, and one for an even number of copies


@explainers
def test_refuses_other_words(make):
    with pytest.raises(ValueError, match="must be an int or 'auto', got 'max'"):
        make(perturbation_per_eval="max")
