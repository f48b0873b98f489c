"""RISE against its formula and against an exact map."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import ops, reference
from fastxai.explainer import RISE
from fastxai.perturbation.batches import even_batch
from tests import _networks as networks
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close

SHAPE = (2, 3, 23, 17)
IMAGES = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(0, 0.05, (4, 3 * 23 * 17)).astype(np.float32)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def masks_of(seed, count, size, grid=(10, 10), probability=0.5):
    cells, shifts = reference.mask_grid(seed, 0, count, grid, round(probability * 2**32), (11, 11))
    return reference.mask_upsample(cells, shifts, size, (size[0] + 10, size[1] + 10))[:, 0]


def formula(image, targets, seed, count, estimator, base=0.0, grid=(10, 10), probability=0.5):
    """The map of the linear-softmax network, dense, all in float64 NumPy."""
    masks = masks_of(seed, count, image.shape[1:], grid, probability)
    copies = image[None] * masks[:, None] + base * (1 - masks[:, None])
    scores = softmax(copies.reshape(count, -1) @ WEIGHT.T.astype(np.float64))[:, targets]
    if estimator == "plain":
        return np.einsum("mt,myx->tyx", scores, masks) / count
    mean = scores.mean(axis=0)
    covariance = np.einsum("mt,myx->tyx", scores - mean, masks) / (count - 1)
    return probability * mean[:, None, None] + covariance


@pytest.mark.parametrize("estimator", ["plain", "centred"])
@pytest.mark.parametrize(
    "options",
    [{}, {"base_value": 0.3}, {"grid_size": (4, 7)}, {"mask_probability": 0.2}],
    ids=lambda options: next(iter(options), "defaults"),
)
def test_equals_the_formula_on_the_same_masks(mode, estimator, options):
    rise = RISE(
        networks.Linear(WEIGHT), nn.Softmax(), 32, num_masks=101, seed=9, estimator=estimator,
        **options,
    )  # fmt: skip
    targets = [[1, 3], [0, 2]]
    maps = rise(ms.Tensor(IMAGES), targets).asnumpy()
    names = {"base_value": "base", "grid_size": "grid", "mask_probability": "probability"}
    known = {names[name]: value for name, value in options.items()}
    for image, labels, saliency in zip(IMAGES, targets, maps, strict=True):
        expected = formula(image.astype(np.float64), labels, 9, 101, estimator, **known)
        assert_close(saliency, expected, atol=MAP_ATOL)


def test_one_image_alone_and_in_a_batch_give_the_same_map(mode):
    rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=64, seed=1)
    together = rise(ms.Tensor(IMAGES), [2, 4]).asnumpy()
    for k, target in enumerate((2, 4)):
        alone = rise(ms.Tensor(IMAGES[k : k + 1]), target).asnumpy()
        np.testing.assert_array_equal(alone[0], together[k])


def test_same_seed_same_map_for_any_batch_size(mode):
    network, image = networks.SmallConv(), ms.Tensor(IMAGES[:1])
    expected = RISE(network, nn.Softmax(), 50, num_masks=100, seed=1)(image, 2).asnumpy()
    for per_eval in (1, 7, 32, 1000):
        rise = RISE(network, nn.Softmax(), per_eval, num_masks=100, seed=1)
        assert_close(rise(image, 2).asnumpy(), expected, atol=NETWORK_ATOL)


def test_both_modes_give_the_same_map():
    maps = []
    for mode in (ms.PYNATIVE_MODE, ms.GRAPH_MODE, ms.PYNATIVE_MODE):
        ms.set_context(mode=mode)
        rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=70, seed=1)
        maps.append(rise(ms.Tensor(IMAGES), 2).asnumpy())
    assert_close(maps[1], maps[0], atol=NETWORK_ATOL)


def test_same_bits_for_any_number_of_threads(threads):
    images = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32))
    rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=32, seed=1)
    maps = []
    for number in (1, 3):
        threads(number)
        maps.append(rise(images, 2).asnumpy())
    np.testing.assert_array_equal(maps[0], maps[1])


@pytest.mark.parametrize(
    ("per_eval", "total", "batch"),
    [
        (32, 1025, 25),
        (32, 6000, 30),
        (32, 64, 32),
        (32, 33, 17),
        (32, 5, 5),
        (1000, 40, 40),
        (1, 9, 1),
    ],
)
def test_batches_are_even_and_hold_few_copies_that_do_not_count(per_eval, total, batch):
    assert even_batch(total, per_eval) == batch


@pytest.mark.parametrize("num_masks", [2, 31, 32, 33])
def test_a_short_last_batch_counts_its_own_masks_only(mode, num_masks):
    rise = RISE(networks.Linear(WEIGHT), nn.Softmax(), 32, num_masks=num_masks, seed=2)
    expected = formula(IMAGES[0].astype(np.float64), [1], 2, num_masks, "centred")
    assert_close(rise(ms.Tensor(IMAGES[:1]), 1).asnumpy()[0], expected, atol=MAP_ATOL)


def test_graph_mode_compiles_one_step_for_all_batches_seeds_and_targets():
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        rise = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=70)
        for target in range(3):
            rise(ms.Tensor(IMAGES), target)
        (step,) = rise._backend.compiled
        assert len(step.compile_cache) == 1
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


# ---- the estimators' expectation and noise --------------------------------------------------

SIZE, GRID, CHANNELS = (9, 8), (3, 3), 1
IMAGE = np.random.default_rng(5).normal(1.0, 0.5, (1, CHANNELS, *SIZE)).astype(np.float32)
LINEAR = np.random.default_rng(6).normal(0.3, 1.0, (1, CHANNELS * SIZE[0] * SIZE[1]))
LINEAR = (LINEAR / 20).astype(np.float32)


def exact_map(probability):
    """Expected map of a linear score: p E[f] + Cov(f, M), cells independent, shifts uniform."""
    matrices = []
    for cells, pixels in zip(GRID, SIZE, strict=True):
        up = pixels + 10
        rows = np.zeros((up, cells))
        for y in range(up):
            source = min(max((y + 0.5) * cells / up - 0.5, 0), cells - 1)
            low = int(source)
            rows[y, low] += 1 - (source - low)
            rows[y, min(low + 1, cells - 1)] += source - low
        matrices.append(rows)
    number = SIZE[0] * SIZE[1]
    gram = np.zeros((number, number))  # sum over cells of R[j] R[y], averaged over the shifts
    for dy in range(11):
        for dx in range(11):
            weights = np.kron(matrices[0][dy : dy + SIZE[0]], matrices[1][dx : dx + SIZE[1]])
            gram += weights @ weights.T / 121
    contribution = LINEAR[0].astype(np.float64) * IMAGE[0].astype(np.float64).ravel()
    covariance = probability * (1 - probability) * (gram @ contribution)
    return (probability * probability * contribution.sum() + covariance).reshape(SIZE)


def linear_score(batch):
    """Scores (M, 1) by NumPy: loop, masks and estimators are those of every network."""
    return batch.reshape(len(batch), -1) @ LINEAR.T


def repeated(estimator, probability, repeats=150, num_masks=120):
    maps = []
    for seed in range(repeats):
        rise = RISE(
            linear_score, None, 120, num_masks=num_masks, seed=seed, grid_size=GRID,
            estimator=estimator, mask_probability=probability,
        )  # fmt: skip
        maps.append(np.asarray(rise(IMAGE, 0), np.float64)[0, 0])
    return np.array(maps)


@pytest.mark.statistical
@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_plain_and_centred_expect_the_same_exact_map_and_centred_is_less_noisy(probability):
    exact = exact_map(probability)
    noise = {}
    for estimator in ("plain", "centred"):
        maps = repeated(estimator, probability)
        error = (maps.mean(axis=0) - exact) / (maps.std(axis=0, ddof=1) / np.sqrt(len(maps)))
        assert np.abs(error).max() < 4.5, estimator  # 72 pixels, standard normal each
        assert (error**2).mean() < 3.0, estimator
        noise[estimator] = maps.var(axis=0).mean()
    assert noise["centred"] < 0.8 * noise["plain"]


@pytest.mark.statistical
def test_the_expectation_test_would_notice_a_wrong_estimator():
    """Dividing by N - 1 in both terms, or leaving out p mean(f), is far outside its bounds."""
    maps = repeated("centred", 0.5, repeats=60)
    exact = exact_map(0.5)
    spread = maps.std(axis=0, ddof=1) / np.sqrt(len(maps))
    without_mean = maps - 0.25 * (LINEAR[0] * IMAGE[0].ravel()).sum()
    assert np.abs((without_mean.mean(axis=0) - exact) / spread).max() > 4.5


# ---- seeds ----------------------------------------------------------------------------------


def test_seed_none_follows_numpys_global_generator():
    rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=20)
    maps = []
    for seed in (0, 0, 1):
        np.random.seed(seed)
        maps.append(rise(ms.Tensor(IMAGES[:1]), 1).asnumpy())
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.abs(maps[0] - maps[2]).max() > 1e-4


def test_num_masks_stays_settable_as_scripts_do():
    rise = RISE(networks.Linear(WEIGHT), nn.Softmax(), seed=3)
    assert rise._num_masks == "auto"
    rise._num_masks = 40
    expected = formula(IMAGES[0].astype(np.float64), [1], 3, 40, "centred")
    assert_close(rise(ms.Tensor(IMAGES[:1]), 1).asnumpy()[0], expected, atol=MAP_ATOL)


def test_so_does_the_number_of_images_at_a_time():
    sizes = set()

    class Notes(networks.Linear):
        def construct(self, x):
            sizes.add(len(x))
            return super().construct(x)

    rise = RISE(Notes(WEIGHT), nn.Softmax(), num_masks=40, seed=3)
    rise._perturbation_per_eval = 8
    rise(ms.Tensor(IMAGES[:1]), 1)
    assert max(sizes) == 8


# ---- networks -------------------------------------------------------------------------------


def test_further_output_axes_are_averaged(mode):
    rise = RISE(networks.Dense2d(), networks.Identity(), num_masks=40, seed=0, estimator="plain")
    saliency = rise(ms.Tensor(IMAGES[:1]), 2).asnumpy()[0, 0]
    masks = masks_of(0, 40, IMAGES.shape[2:])
    scores = (IMAGES[0].sum(axis=0) * masks).mean(axis=(1, 2))
    assert_close(saliency, np.einsum("m,myx->yx", scores, masks) / 40, atol=MAP_ATOL)


def test_one_score_per_image_is_one_class(mode):
    rise = RISE(networks.Flat(), networks.Identity(), num_masks=20, seed=0)
    assert rise(ms.Tensor(IMAGES), 0).shape == (2, 1, 23, 17)
    with pytest.raises(ValueError, match=r"`targets` must be in \[0, 1\), got 1"):
        rise(ms.Tensor(IMAGES), 1)


def test_a_float16_network_gets_float16_images(mode):
    images = ms.Tensor(np.random.default_rng(0).random((1, 3, 12, 12)).astype(np.float32))
    saliency = RISE(networks.Half(), nn.Softmax(), num_masks=40, seed=0)(images, 1)
    assert saliency.dtype == ms.float32
    assert 0.0 < float(saliency.asnumpy().std()) < 0.1


def test_scores_that_are_not_finite_are_refused_with_the_masks_range(mode):
    rise = RISE(networks.LogScale(), networks.Identity(), 10, num_masks=40, seed=0)
    images = ms.Tensor(np.ones((1, 2, 12, 12), np.float32))
    with pytest.raises(ValueError, match=r"not finite for masks \d+\.\.\d+"):
        rise(images, 0)
    rise = RISE(networks.SmallConv(), nn.Softmax(), 10, num_masks=40, seed=0)
    assert rise(ms.Tensor(IMAGES), 0).shape == (2, 1, 23, 17)


def test_a_network_with_a_wrong_output_is_refused(mode):
    rise = RISE(networks.WrongRows(), networks.Identity(), 10, num_masks=20)
    with pytest.raises(ValueError, match=r"must return \(M, classes\) scores for M images"):
        rise(ms.Tensor(IMAGES), 0)


def test_changed_weights_are_seen_by_the_next_call(mode):
    network = networks.Linear(WEIGHT)
    rise = RISE(network, nn.Softmax(), num_masks=60, seed=0)
    first = rise(ms.Tensor(IMAGES[:1]), 1).asnumpy()
    network.weight.set_data(ms.Tensor(np.roll(WEIGHT, 1, axis=0)))
    rolled = rise(ms.Tensor(IMAGES[:1]), 2).asnumpy()
    assert_close(rolled, first, atol=MAP_ATOL)


# ---- without native code --------------------------------------------------------------------


def test_the_host_path_gives_the_same_map(monkeypatch, mode):
    rise = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=70, seed=1)
    native = rise(ms.Tensor(IMAGES), [[0, 1], [2, 3]]).asnumpy()
    monkeypatch.setattr("fastxai.explainer.perturb.backend.has_native", lambda: False)
    host = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=70, seed=1)
    assert_close(host(ms.Tensor(IMAGES), [[0, 1], [2, 3]]).asnumpy(), native, atol=NETWORK_ATOL)


def test_without_the_native_module_the_reference_does_the_work_and_says_so_once(monkeypatch):
    rise = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=40, seed=1)
    expected = rise(ms.Tensor(IMAGES[:1]), 1).asnumpy()
    monkeypatch.setattr("fastxai.ops.native._module", None)
    monkeypatch.setattr("fastxai.ops.native._reason", "not built")
    monkeypatch.setattr("fastxai.ops.native._warned", False)
    assert not ops.has_native()
    with pytest.warns(RuntimeWarning, match="FASTXAI_BUILD=require") as caught:
        saliency = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=40, seed=1)(
            ms.Tensor(IMAGES[:1]), 1
        )
    assert len([w for w in caught if "native kernels" in str(w.message)]) == 1
    assert_close(saliency.asnumpy(), expected, atol=NETWORK_ATOL)


# ---- constructor ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"num_masks": 1}, ValueError, r"RISE: `num_masks` must be in \[2,"),
        ({"num_masks": 10.0}, TypeError, "`num_masks` must be an int, got float"),
        ({"mask_probability": 0.0}, ValueError, r"`mask_probability` must be in \(0, 1\)"),
        ({"mask_probability": 1.0}, ValueError, r"`mask_probability` must be in \(0, 1\)"),
        ({"mask_probability": -0.1}, ValueError, "`mask_probability` must be in"),
        ({"grid_size": 0}, ValueError, "`grid_size` must be in"),
        ({"grid_size": "10"}, TypeError, "`grid_size` must be an int or a pair"),
        ({"seed": -1}, ValueError, "`seed` must be in"),
        ({"seed": 1.0}, TypeError, "`seed` must be an int"),
        ({"estimator": "mean"}, ValueError, "`estimator` must be one of"),
    ],
)
def test_constructor_refuses(kwargs, error, words):
    with pytest.raises(error, match=words):
        RISE(networks.SmallConv(), nn.Softmax(), **kwargs)


def test_one_mask_is_enough_for_the_plain_sum():
    rise = RISE(networks.SmallConv(), nn.Softmax(), num_masks=1, seed=0, estimator="plain")
    assert rise(ms.Tensor(IMAGES), 0).shape == (2, 1, 23, 17)


def test_base_value_per_channel(mode):
    levels = (0.1, -0.2, 0.3)
    shifted = IMAGES - np.reshape(levels, (1, 3, 1, 1)).astype(np.float32)
    network = networks.Linear(WEIGHT)
    rise = RISE(network, networks.Identity(), num_masks=30, seed=0, base_value=levels)
    around_zero = RISE(network, networks.Identity(), num_masks=30, seed=0)
    # The score is linear: x m + b (1 - m) = (x - b) m + b, so the maps differ by p f(b).
    constant = np.broadcast_to(np.reshape(levels, (3, 1, 1)), SHAPE[1:]).ravel() @ WEIGHT[1]
    difference = rise(ms.Tensor(IMAGES), 1).asnumpy() - around_zero(ms.Tensor(shifted), 1).asnumpy()
    assert_close(difference, np.full((2, 1, 23, 17), 0.5 * constant), atol=5 * MAP_ATOL)
    with pytest.raises(ValueError, match="one per channel"):
        RISE(network, nn.Softmax(), base_value=(1.0, 2.0))(ms.Tensor(IMAGES), 1)
