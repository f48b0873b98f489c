"""The calls of mindspore_xai's published image tutorials, under `fastxai run`.

They were written for MindSpore 1.x: pictures are prepared by `c_transforms`, at once and in `map`.
"""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

SIDE, CLASSES = 32, 5
DATA = """
from functools import partial
import os
import numpy as np
from PIL import Image
import mindspore as ms
from mindspore.dataset import GeneratorDataset
import mindspore.dataset.vision.c_transforms as C
from mindspore.dataset.transforms.c_transforms import Compose

prepare = Compose([
    C.Resize(40),
    C.CenterCrop(32),
    C.Normalize(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    C.HWC2CHW(),
])


def one_image(path):
    return ms.Tensor(np.expand_dims(np.asarray(prepare(Image.open(path))), axis=0))


def dataset(folder):
    rows = GeneratorDataset(partial(read, folder), column_names=["image", "label"])
    return rows.map(input_columns=["image"], operations=prepare)


def read(folder):
    with open(os.path.join(folder, "annotations.txt")) as lines:
        for line in lines:
            if not line.strip():
                continue
            name, labels = line.strip().split(";")
            label = np.eye(5, dtype=np.float32)[int(labels.split(",")[0])]
            yield np.asarray(Image.open(os.path.join(folder, name))), label
"""
NETWORK = """
from mindspore import nn
from mindspore.ops import operations as P


class Net(nn.Cell):
    def __init__(self, classes):
        super().__init__()
        self.layer1 = nn.SequentialCell([nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8)])
        self.relu = P.ReLU()
        self.layer4 = nn.SequentialCell([nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()])
        self.avgpool = nn.AvgPool2d(8, 8, "valid")
        self.flatten = nn.Flatten()
        self.end_point = nn.Dense(16, classes)
        self.output_features = False
        self.num_features = 16

    def construct(self, x):
        x = self.flatten(self.avgpool(self.layer4(self.relu(self.layer1(x)))))
        if self.output_features:
            return x
        return self.end_point(x)
"""
START = """
import mindspore as ms
import numpy as np
from mindspore import (
    PYNATIVE_MODE, Tensor, load_checkpoint, load_param_into_net, save_checkpoint, set_context,
)
from mindspore.nn import Softmax, SoftmaxCrossEntropyWithLogits
from common.data import dataset, one_image
from common.network import Net

if __name__ == "__main__":
    set_context(mode=PYNATIVE_MODE)
    net = Net(5)
    load_param_into_net(net, load_checkpoint("package/net.ckpt"))
    image = one_image("package/one.jpg")
    print(image.shape, image.dtype)
"""
EXPLAINERS = """
    from mindspore_xai.explainer import GradCAM
    grad_cam = GradCAM(net, layer="layer4")
    print(grad_cam(image, targets=3).shape)
    for images, _ in dataset("package").batch(2):
        print(grad_cam(images, targets=Tensor([3, 1], dtype=ms.int32)).shape)
"""
BENCHMARKS = """
    from mindspore_xai.benchmark import Localization, Robustness
    from mindspore_xai.explainer import GradCAM
    grad_cam = GradCAM(net, layer="layer4")
    saliency = grad_cam(image, targets=3)
    robustness = Robustness(5, activation_fn=Softmax())
    print(np.shape(robustness.evaluate(grad_cam, image, targets=3, saliency=saliency)))
    mask = np.zeros([1, 1, 32, 32])
    mask[:, :, 6:16, 8:23] = 1
    mask = Tensor(mask, dtype=ms.float32)
    print(np.shape(Localization(5).evaluate(grad_cam, image, targets=3, mask=mask)))
"""
RISE_PLUS = """
    from mindspore_xai.explainer import RISEPlus
    from mindspore_xai.tool.cv import OoDNet
    ood_net = OoDNet(underlying=net, num_classes=5)
    ood_net.train(dataset("package").batch(2), loss_fn=SoftmaxCrossEntropyWithLogits(), epoch=2)
    save_checkpoint(ood_net, "ood_net.ckpt")
    ood_net = OoDNet(underlying=Net(5), num_classes=5)
    load_param_into_net(ood_net, load_checkpoint("ood_net.ckpt"))
    rise_plus = RISEPlus(ood_net, net, activation_fn=Softmax(), num_masks=128)
    print(rise_plus(image, targets=3).shape)
"""
SAVE = """
from mindspore import save_checkpoint
from common.network import Net
save_checkpoint(Net(5), "package/net.ckpt")
"""
MAP = f"(1, 1, {SIDE}, {SIDE})"
PREPARED = f"(1, 3, {SIDE}, {SIDE}) Float32"


def run(folder, script):
    (folder / "tutorial.py").write_text(script)
    command = [sys.executable, "-m", "fastxai", "run", "tutorial.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder like that of the tutorials: `common`, photographs with annotations, weights."""
    folder = tmp_path_factory.mktemp("tutorials")
    (folder / "common").mkdir()
    (folder / "common" / "__init__.py").touch()
    (folder / "common" / "data.py").write_text(DATA)
    (folder / "common" / "network.py").write_text(NETWORK)
    package = folder / "package"
    package.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    for name, shape in ("one.jpg", (60, 80)), ("two.jpg", (80, 60)):
        Image.fromarray(pixels.reshape(*shape, 3)).save(package / name)
    (package / "annotations.txt").write_text("one.jpg;3,1\n\ntwo.jpg;1\n")
    run(folder, SAVE)
    return folder


@pytest.mark.parametrize(
    ("calls", "printed"),
    [
        (EXPLAINERS, [MAP, MAP.replace("1", "2", 1)]),
        (BENCHMARKS, ["(1,)", "(1,)"]),
        (RISE_PLUS, [MAP]),
    ],
    ids=["explainers", "benchmarks", "rise_plus"],
)
def test_a_tutorial_prints_its_shapes(folder, calls, printed):
    lines = run(folder, START + calls)
    assert [line for line in lines if line.startswith("(")] == [PREPARED, *printed]
