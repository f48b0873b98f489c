"""RISE over PyTorch networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai import reference  # noqa: E402
from fastxai.ops import MaskSpec  # noqa: E402
from fastxai.torch import RISE  # noqa: E402
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

SOFTMAX = nn.Softmax(dim=1)
TARGETS = [0, 3]


def rise(network, **keywords):
    settings = {"num_masks": 300, "seed": 5, **keywords}
    return RISE(network, settings.pop("activation_fn", SOFTMAX), **settings)


def on(place, network, count=1):
    """Network and pictures there."""
    return network.to(place), torch.from_numpy(networks.pictures(count)).to(place)


def maps_by_formula(image, count, estimator, design, base):
    """RISE of the linear network in float64, from the reference's masks."""
    spec = MaskSpec(5, image.shape[1:], design=design)
    coarse = reference.mask_grid(
        spec.seed, 0, count, spec.grid, spec.threshold, spec.shift_range, spec.design, spec.columns
    )
    masks = reference.mask_upsample(*coarse, spec.size, spec.up_size)
    copies = reference.masked_product(image, masks, np.full(3, base))
    scores = networks.linear_scores(copies)[:, TARGETS]
    if estimator == "centred" and design == "iid":
        weights = (scores - scores.mean(axis=0)) / (count - 1)
        constant = 0.5 * scores.mean(axis=0)
    else:
        weights, constant = scores / count, np.zeros(len(TARGETS))
    return constant[:, None, None] + np.einsum("ml,myx->lyx", weights, masks[:, 0])


@pytest.mark.parametrize("base", [0.0, 0.25])
@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize("estimator", ["plain", "centred"])
def test_the_map_is_that_of_the_formula(place, estimator, design, base):
    network, images = on(place, networks.linear())
    explainer = rise(network, num_masks=256, estimator=estimator, design=design, base_value=base)
    maps = explainer(images, [TARGETS])
    expected = maps_by_formula(networks.pictures()[0], 256, estimator, design, base)
    assert maps.device == images.device
    assert maps.dtype == torch.float32
    assert_close(maps[0].cpu(), expected, atol=MAP_ATOL)


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize("estimator", ["plain", "centred", "control-variate"])
def test_the_map_is_that_of_mindspore(place, estimator, design):
    ms = pytest.importorskip("mindspore", reason="MindSpore is not installed beside PyTorch")
    from fastxai import explainer

    weight, bias = networks.linear_weights()
    cell = ms.nn.SequentialCell(ms.nn.Flatten(), ms.nn.Dense(weight.shape[1], weight.shape[0]))
    cell[1].weight.set_data(ms.Tensor(weight))
    cell[1].bias.set_data(ms.Tensor(bias))
    keywords = {"num_masks": 300, "seed": 5, "estimator": estimator, "design": design}
    theirs = explainer.RISE(cell, ms.nn.Softmax(), **keywords)(
        ms.Tensor(networks.pictures(2)), [TARGETS, TARGETS]
    )
    network, images = on(place, networks.linear(), 2)
    ours = rise(network, estimator=estimator, design=design)(images, [TARGETS, TARGETS])
    assert_close(ours.cpu(), theirs.asnumpy(), atol=MAP_ATOL)


@pytest.mark.parametrize("estimator", ["plain", "centred", "control-variate"])
def test_the_same_seed_gives_the_same_map_for_any_batch_size(place, estimator):
    network, images = on(place, networks.convolutional(), 2)
    maps = [
        rise(network, perturbation_per_eval=size, estimator=estimator)(images, 1)
        for size in (7, 32, 300)
    ]
    for other in maps[1:]:
        assert_close(other.cpu(), maps[0].cpu(), atol=NETWORK_ATOL)


def test_without_a_seed_numpys_generator_decides(place):
    network, images = on(place, networks.linear())
    explainer = rise(network, seed=None)
    np.random.seed(3)
    one, other = explainer(images, 1), explainer(images, 1)
    np.random.seed(3)
    again = explainer(images, 1)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels_last", [False, True])
def test_the_network_gets_its_own_dtype_and_order(place, dtype, channels_last):
    network, images = on(place, networks.Recorder(dtype, channels_last))
    explainer = rise(network, num_masks=6, perturbation_per_eval=3, activation_fn=nn.Identity())
    explainer(images, 1)
    order = torch.channels_last if channels_last else torch.contiguous_format
    spec = MaskSpec(5, networks.SHAPE[1:])
    coarse = reference.mask_grid(5, 0, 6, spec.grid, spec.threshold, spec.shift_range, spec.design)
    masks = reference.mask_upsample(*coarse, spec.size, spec.up_size)
    expected = reference.masked_product(networks.pictures()[0], masks, np.zeros(3))
    assert [len(batch) for batch in network.seen] == [3, 3]
    for batch in network.seen:
        assert batch.dtype == dtype
        assert batch.is_contiguous(memory_format=order)
    tolerance = {torch.float32: 1e-6, torch.float16: 2**-10, torch.bfloat16: 2**-7}[dtype]
    got = torch.cat(network.seen).float().cpu()
    assert_close(got, expected, atol=tolerance, scale=float(np.abs(expected).max()))


def test_the_network_comes_back_as_it_came(place):
    network, images = on(place, networks.convolutional())
    network.train()
    network[1].eval()
    network[0].weight.requires_grad_(False)
    before = [part.training for part in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    rise(network)(images, 1)
    assert [part.training for part in network.modules()] == before
    with pytest.raises(ValueError, match="targets"):
        rise(network)(images, 9)
    assert [part.training for part in network.modules()] == before
    assert not network[0].weight.requires_grad
    assert all(torch.equal(network.state_dict()[name], value) for name, value in state.items())


class NotFinite(nn.Module):
    """NaN for every image from the third call on."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, batch):
        self.calls += 1
        scores = batch.mean(dim=(2, 3))
        return scores * float("nan") if self.calls >= 3 else scores


def test_scores_that_are_not_finite_name_the_masks(place):
    images = torch.from_numpy(networks.pictures()).to(place)
    explainer = rise(NotFinite(), activation_fn=nn.Identity(), perturbation_per_eval=100)
    with pytest.raises(ValueError, match=r"not finite for masks 200\.\.299"):
        explainer(images, 1)


def test_targets_may_have_any_form(place):
    network, images = on(place, networks.linear(), 2)
    explainer = rise(network)
    each = [explainer(images[k : k + 1], k) for k in range(2)]
    for targets in ([0, 1], (0, 1), np.array([[0], [1]]), torch.tensor([0, 1])):
        maps = explainer(images, targets)
        assert maps.shape == (2, 1, *networks.SHAPE[1:])
        for k in range(2):
            assert_close(maps[k].cpu(), each[k][0].cpu(), atol=NETWORK_ATOL)


def test_pictures_and_progress(place):
    pytest.importorskip("PIL", reason="no Pillow to make pictures with")
    network, images = on(place, networks.linear())
    said = []
    made = rise(network)(
        images, [[0, 1]], ret="image", progress=lambda done, total: said.append((done, total))
    )
    assert [picture.size for picture in made[0]] == [(28, 20), (28, 20)]
    assert said[-1] == (300, 300)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"num_masks": 1}, ValueError, "`num_masks`"),
        ({"num_masks": 100, "estimator": "control-variate"}, ValueError, "`num_masks`"),
        ({"estimator": "best"}, ValueError, "`estimator`"),
        ({"mask_probability": 1.0}, ValueError, "`mask_probability`"),
        ({"design": "oa128", "grid_size": 12}, ValueError, "`design`"),
        ({"seed": -1}, ValueError, "`seed`"),
        ({"activation_fn": 3}, TypeError, "`activation_fn`"),
        ({"perturbation_per_eval": 0}, ValueError, "`perturbation_per_eval`"),
    ],
)
def test_bad_settings_are_named(keywords, error, message):
    with pytest.raises(error, match=f"RISE: .*{message}"):
        rise(networks.linear(), **keywords)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "message"),
    [
        (np.zeros((1, 3, 20, 28), np.float32), 0, TypeError, "`inputs` must be a Tensor"),
        (torch.zeros(3, 20, 28), 0, ValueError, "`inputs` must be"),
        (torch.full((1, 3, 20, 28), torch.nan), 0, ValueError, "`inputs` must be finite"),
        (torch.zeros(1, 3, 20, 28, dtype=torch.bool), 0, TypeError, "`inputs` must hold"),
        (torch.zeros(1, 3, 20, 28), 4, ValueError, "`targets` must be in"),
        (torch.zeros(1, 3, 20, 28), [0, 1], ValueError, "`targets` must be one class"),
        (torch.zeros(1, 3, 20, 28), 0.5, TypeError, "`targets`"),
        (torch.zeros(1, 3, 20, 28, device="meta"), 0, ValueError, "not on meta"),
    ],
)
def test_bad_inputs_are_named(inputs, targets, error, message):
    with pytest.raises(error, match=message):
        rise(networks.linear())(inputs, targets)


def test_a_network_that_is_no_module_is_refused():
    with pytest.raises(TypeError, match="RISE: `network` must be an nn.Module"):
        RISE(lambda batch: batch, SOFTMAX)
