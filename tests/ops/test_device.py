"""Who makes copies on a device: chosen by the device, by what is installed, or by name."""

import mindspore as ms
import pytest

from fastxai.ops import ascend
from fastxai.ops.device import device_ops, select_device_ops

CALLED = ("aclnn_fastxai_masked_product.h", "aclnn_fastxai_occlusion_fill.h")
HEADERS = (*CALLED, "aclnn_fastxai_saliency_accumulate.h")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.delenv("ASCEND_CUSTOM_OPP_PATH", raising=False)
    monkeypatch.delenv("ASCEND_OPP_PATH", raising=False)
    yield
    select_device_ops("auto")


@pytest.fixture
def target(monkeypatch):
    """Makes MindSpore say that it runs on another device."""
    before = ms.get_context

    def pretend(name):
        monkeypatch.setattr(
            ms, "get_context", lambda key: name if key == "device_target" else before(key)
        )

    return pretend


def install(folder, names=HEADERS):
    """Lays out what is looked for in a vendor package."""
    (folder / "op_api/include").mkdir(parents=True)
    for name in names:
        (folder / "op_api/include" / name).touch()
    return folder


def test_the_host_makes_them_for_a_cpu():
    assert device_ops() == ("host", "the device is the CPU")


def test_mindspore_makes_them_on_a_device_that_we_have_nothing_for(target):
    target("GPU")
    name, reason = device_ops()
    assert name == "mindspore"
    assert "GPU" in reason


def test_mindspore_makes_them_on_an_npu_without_the_package_and_says_how_to_get_it(target):
    target("Ascend")
    name, reason = device_ops()
    assert name == "mindspore"
    assert "docs/ascend.md" in reason


def test_the_vendor_ops_make_them_on_an_npu_that_has_them(target, tmp_path, monkeypatch):
    target("Ascend")
    package = install(tmp_path / "vendors/fastxai")
    monkeypatch.setenv("ASCEND_CUSTOM_OPP_PATH", f"/nowhere:{package}:/nor/here")
    assert device_ops() == ("ascend", str(package))


def test_a_package_is_found_where_cann_installs_it(tmp_path, monkeypatch):
    package = install(tmp_path / "vendors/fastxai")
    (tmp_path / "vendors/config.ini").write_text("[a]\nload_priority=other, fastxai\n")
    monkeypatch.setenv("ASCEND_OPP_PATH", str(tmp_path))
    assert ascend.find_package() == package


@pytest.mark.parametrize("missing", CALLED)
def test_a_package_that_lacks_an_op_of_the_explainers_is_not_ours(tmp_path, monkeypatch, missing):
    package = install(tmp_path, [name for name in HEADERS if name != missing])
    monkeypatch.setenv("ASCEND_CUSTOM_OPP_PATH", str(package))
    assert ascend.find_package() is None


def test_the_explainers_do_without_an_accumulation_on_the_device(tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_CUSTOM_OPP_PATH", str(install(tmp_path, CALLED)))
    assert ascend.find_package() == tmp_path


def test_no_package_where_nothing_is_set():
    assert ascend.find_package() is None


@pytest.mark.parametrize("name", ["host", "mindspore"])
@pytest.mark.parametrize("device", ["CPU", "Ascend", "GPU"])
def test_a_name_decides_on_every_device(target, name, device):
    target(device)
    select_device_ops(name)
    assert device_ops()[0] == name


def test_ascend_by_name_is_an_error_where_it_cannot_be_had(target):
    select_device_ops("ascend")
    with pytest.raises(RuntimeError, match="the device is CPU"):
        device_ops()
    target("Ascend")
    with pytest.raises(RuntimeError, match=r"FastxaiMaskedProduct.*docs/ascend\.md"):
        device_ops()


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="`name` must be one of"):
        select_device_ops("npu")
