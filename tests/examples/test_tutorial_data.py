"""The tutorials' data package, the stand-in for it, and the classifier with its checkpoint."""

import hashlib
import re

import mindspore as ms
import numpy as np
import pytest
from PIL import Image

from tests.examples.tutorials import dataset, make_data, resnet

# SHA-256 of the lines "name shape", sorted, of the ResNet-50 with 20 classes in the tutorials of
# mindspore_xai 1.8.1, whose checkpoint the data package holds.
PEER_PARAMETERS = "d13b13a64130d3f3d1e83678e9d02991c03df194fcc0521ce243f35e89ea4e24"


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "digits"
    make_data.make_data(folder)
    return folder


@pytest.fixture
def photographs(tmp_path):
    """A folder of two pictures in the form of the real package, without `classes.txt`."""
    folder = tmp_path / "xai_examples_data" / "test"
    folder.mkdir(parents=True)
    stripes = np.zeros((100, 300, 3), np.uint8)
    stripes[:, 100:200] = 255  # what a square cut from the middle shows
    Image.fromarray(stripes).save(folder / "wide.png")
    Image.fromarray(stripes[:, :100, 0]).save(folder / "grey.png")
    (folder / "annotations.txt").write_text("wide.png;boat,person\n\n grey.png;tvmonitor \n")
    return folder


def test_parameters_are_those_of_the_mirrored_tutorial():
    shapes = {p.name: tuple(p.shape) for p in resnet.resnet50(20).get_parameters()}
    text = "".join(f"{name} {shape}\n" for name, shape in sorted(shapes.items()))
    assert hashlib.sha256(text.encode()).hexdigest() == PEER_PARAMETERS


def test_classifier_returns_features_when_told_to():
    network = resnet.resnet50(20, width=2).set_train(False)
    images = ms.Tensor(np.ones((2, 3, 64, 96), np.float32))
    assert network(images).shape == (2, 20)
    network.output_features = True
    assert network(images).shape == (2, network.num_features) == (2, 64)


def test_width_is_read_from_a_checkpoint(tmp_path):
    ms.save_checkpoint(resnet.resnet50(3, width=2), str(tmp_path / "narrow.ckpt"))
    assert resnet.width_of(ms.load_checkpoint(str(tmp_path / "narrow.ckpt"))) == 2


def test_classes_of_a_package_without_a_list_are_the_20_of_voc(photographs):
    classes = dataset.load_classes(photographs.parent)
    assert len(classes) == 20
    assert (classes[3], classes[19]) == ("boat", "tvmonitor")
    assert dataset.load_example(photographs.parent).label == "boat"


def test_dataset_has_squares_from_the_middle_and_the_first_label(photographs):
    (wide, grey), labels = zip(*dataset.load_dataset(photographs), strict=True)
    for picture, colour in ((wide, 255), (grey, 0)):
        assert (picture.shape, picture.dtype) == ((3, 224, 224), ms.float32)
        expected = (colour - np.array(dataset.MEAN)) / dataset.STD
        np.testing.assert_allclose(np.median(picture.asnumpy(), (1, 2)), expected, atol=1e-5)
        assert np.mean(np.isclose(picture.asnumpy()[0], expected[0], atol=1e-5)) > 0.97
    assert [int(label.argmax()) for label in labels] == [3, 19]
    assert all(float(label.sum()) == 1 for label in labels)


def test_dataset_and_single_tensor_are_the_same_pixels(stand_in):
    path = stand_in / "test"
    first = next(iter(dataset.load_dataset(path)))[0].asnumpy()
    example = dataset.load_example(stand_in)
    np.testing.assert_array_equal(dataset.load_image_tensor(example.path).asnumpy()[0], first)


@pytest.mark.parametrize("line", ["boat.jpg", "boat.jpg;ship", "boat.jpg;", "boat.jpg boat"])
def test_a_line_without_a_known_label_is_named(line, photographs):
    (photographs / "annotations.txt").write_text(line + "\n")
    with pytest.raises(ValueError, match=re.escape(f"{line!r} has no known label")):
        dataset.load_dataset(photographs)


def test_stand_in_has_the_layout_and_annotations_of_the_package(stand_in):
    assert (stand_in / "ckpt" / "resnet50.ckpt").read_bytes() == make_data.CHECKPOINT.read_bytes()
    for part, count, labels in (("train", 80, 1), ("test", 8, 2)):
        lines = (stand_in / part / "annotations.txt").read_text().splitlines()
        assert len(lines) == count
        for line in lines:
            file, names = line.split(";")
            assert len(names.split(",")) == labels
            with Image.open(stand_in / part / file) as picture:
                assert (picture.format, picture.size) == ("JPEG", (224, 224))


def test_stand_in_is_the_same_each_time_and_overwrites_nothing(stand_in, tmp_path):
    make_data.make_data(tmp_path / "again")
    files = sorted(path.relative_to(stand_in) for path in stand_in.rglob("*.*"))
    assert len(files) == 80 + 8 + 2 * 2 + 2
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (stand_in / file).read_bytes()
    with pytest.raises(FileExistsError, match="remove it first"):
        make_data.make_data(tmp_path / "again")


def test_boxes_hold_the_ink_of_their_digits(stand_in):
    """Pixels in the box differ more from the picture's median than those outside."""
    for line in (stand_in / "train" / "boxes.txt").read_text().splitlines():
        file, _, box = line.split(";")
        left, top, right, bottom = (int(edge) for edge in box.split(","))
        pixels = np.asarray(dataset.load_picture(stand_in / "train" / file), np.float32)
        contrast = np.abs(pixels - np.median(pixels, axis=(0, 1))).mean(-1)
        inside = contrast[top:bottom, left:right].mean()
        outside = (contrast.sum() - inside * (bottom - top) * (right - left)) / contrast.size
        assert inside > outside, file


def test_checkpoint_is_small_and_its_log_says_how_good_it_is():
    assert make_data.CHECKPOINT.stat().st_size < 2_000_000
    log = make_data.CHECKPOINT.with_suffix(".train.log").read_text()
    for kind, what in (("single", "top-1"), ("pair", "top-2, both digits")):
        accuracy = re.search(rf"final: {kind} {what}: ([\d.]+)", log)
        assert float(accuracy[1]) >= 0.9
