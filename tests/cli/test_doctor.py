"""``fastxai doctor`` and `show_config`: what is reported, and what counts as unhealthy."""

import io
import tomllib
from pathlib import Path

import pytest

import fastxai.ops
from fastxai import _config, _onednn
from fastxai._onednn import ConvolutionProbe, OneDnnStatus
from fastxai._version import __version__
from fastxai.ops import select_device_ops
from fastxai.ops.cuda.library import use_library

ROOT = Path(__file__).resolve().parents[2]
NATIVE = {
    "available": True,
    "reason": "",
    "isa": "avx2",
    "isas": ["baseline", "avx2"],
    "num_threads": 2,
}
FAST = ConvolutionProbe(50.0, 60.0, False, "fine")
SLOW = ConvolutionProbe(0.5, 60.0, True, "3x3 convolutions run 120 times slower; " + _onednn.REMEDY)


@pytest.fixture
def installation(monkeypatch):
    """Set what doctor finds; without arguments all is well."""

    def set_up(native=NATIVE, state="protected", remedy="", probe=FAST):
        status = OneDnnStatus(state, "the detail", remedy)
        monkeypatch.setattr(fastxai.ops, "native_info", lambda: native)
        monkeypatch.setattr(_onednn, "_status", status)
        monkeypatch.setattr(
            _onednn, "probe_convolution", lambda: probe or pytest.fail("was probed")
        )

    set_up()
    return set_up


def test_a_healthy_installation_is_exit_code_0(cli, installation):
    result = cli("doctor")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"fastxai      {__version__}"
    assert lines[1] == "native code  yes, avx2 of baseline, avx2; 2 threads"
    assert "oneDNN       protected (the detail)" in lines
    assert "convolution  3x3: 50.0 GFLOP/s, 1x1: 60.0 GFLOP/s" in lines
    assert lines[-1] == "healthy"


def test_the_real_installation_is_reported(cli):
    result = cli("doctor", "--no-probe")
    assert result.code in (0, 1)
    assert ("healthy" in result.out) == (result.code == 0)
    assert ("attention " in result.out) == (result.code == 1)


def test_the_real_probe_runs(cli, monkeypatch):
    monkeypatch.setattr(fastxai.ops, "native_info", lambda: NATIVE)
    result = cli("doctor")
    assert "GFLOP/s" in result.out
    assert result.code in (0, 1)


def test_slow_convolutions_need_attention(cli, installation):
    installation(state="user-set", probe=SLOW)
    result = cli("doctor")
    assert result.code == 1
    assert f"attention    {SLOW.verdict}" in result.out
    assert "healthy" not in result.out


def test_the_guard_s_own_remedy_is_told(cli, installation):
    installation(state="kept", remedy="unset IT", probe=SLOW)
    result = cli("doctor")
    assert result.code == 1
    assert "attention    convolutions are slow (the detail): unset IT" in result.out


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("not-affected", 0),
        ("protected", 0),
        ("user-set", 0),
        ("kept", 1),
        ("too-late", 1),
        ("failed", 1),
    ],
)
def test_without_the_probe_the_guard_s_state_decides(cli, installation, state, code):
    installation(state=state, remedy="do this" if code else "", probe=None)
    result = cli("doctor", "--no-probe")
    assert result.code == code
    assert ("do this" in result.out) == bool(code)
    assert "GFLOP/s" not in result.out


def test_missing_native_code_needs_attention(cli, installation):
    installation(native=NATIVE | {"available": False, "reason": "not built"})
    result = cli("doctor")
    assert result.code == 1
    assert "native code  no (not built): the slow NumPy reference is used" in result.out
    assert "attention    native code is missing (not built): install again with" in result.out


def test_a_measurement_that_fails_is_exit_code_4(cli, installation, monkeypatch):
    def fail():
        raise RuntimeError("device lost\nmore")

    monkeypatch.setattr(_onednn, "probe_convolution", fail)
    result = cli("doctor")
    assert result.code == 4
    assert result.err == (
        "fastxai doctor: error: the measurement failed: RuntimeError: device lost\n"
    )


def test_a_missing_mindspore_needs_attention_and_no_probe(cli, installation, monkeypatch):
    monkeypatch.setattr(_config, "_mindspore", lambda: None)
    installation(state="not-affected", probe=None)
    result = cli("doctor")
    assert result.code == 1
    assert "mindspore    not installed (supported are 2.7 to 2.10)" in result.out
    advice = "attention    MindSpore is not installed: pip install 'mindspore>=2.7,<2.11'"
    assert advice in result.out


@pytest.mark.parametrize("version", ["2.6.0", "2.11.0rc1", "1.9.0", "3.0.0", "nightly"])
def test_a_mindspore_that_is_not_supported_needs_attention(cli, installation, monkeypatch, version):
    import mindspore

    monkeypatch.setattr(mindspore, "__version__", version)
    result = cli("doctor")
    assert result.code == 1
    assert f"mindspore    {version} (not supported; 2.7 to 2.10 are), device CPU" in result.out
    assert (
        f"attention    fastxai is not tested on MindSpore {version}, but on 2.7 to 2.10: "
        "pip install 'mindspore>=2.7,<2.11'"
    ) in result.out


@pytest.mark.parametrize("version", ["2.7.0", "2.7.1.post1", "2.8.0", "2.9.0rc1", "2.10.0"])
def test_a_mindspore_that_is_supported_is_healthy(cli, installation, monkeypatch, version):
    import mindspore

    monkeypatch.setattr(mindspore, "__version__", version)
    result = cli("doctor")
    assert result.code == 0
    assert f"mindspore    {version} (supported are 2.7 to 2.10), device CPU" in result.out


def test_what_is_required_is_what_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (required,) = [
        line for line in project["project"]["dependencies"] if line.startswith("mindspore")
    ]
    assert required == _config.mindspore_requirement() == "mindspore>=2.7,<2.11"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "OLDEST_MINDSPORE := mindspore~=2.7.0\n" in makefile


def test_show_config_prints_to_the_stream_and_returns_what_it_prints(installation):
    import mindspore
    import numpy

    stream = io.StringIO()
    config = fastxai.show_config(file=stream)
    assert config["fastxai"] == __version__
    assert config["native"] == NATIVE
    assert config["numpy"] == numpy.__version__
    assert config["mindspore"]["version"] == mindspore.__version__
    assert config["onednn"] == {"state": "protected", "detail": "the detail", "remedy": ""}
    assert 1 <= config["cpu"]["usable_cores"] <= config["cpu"]["cores"]
    assert f"numpy        {numpy.__version__}\n" in stream.getvalue()
    assert config["cpu"]["model"] in stream.getvalue()


def test_show_config_prints_to_standard_output_by_default(installation, capsys):
    fastxai.show_config()
    assert capsys.readouterr().out.startswith(f"fastxai      {__version__}\n")


@pytest.mark.parametrize("mode", ["GRAPH_MODE", "PYNATIVE_MODE"])
def test_show_config_tells_the_mode(installation, mode):
    import mindspore

    before = mindspore.get_context("mode")
    mindspore.set_context(mode=getattr(mindspore, mode))
    try:
        config = fastxai.show_config(file=io.StringIO())
    finally:
        mindspore.set_context(mode=before)
    assert config["mindspore"]["mode"] == mode.removesuffix("_MODE").lower()


def test_show_config_tells_who_makes_copies_and_where_the_cuda_kernels_are(
    installation, monkeypatch, tmp_path
):
    monkeypatch.setenv("FASTXAI_CUDA_LIBRARY", str(tmp_path / "none.so"))
    before = use_library(None)
    installation()
    stream = io.StringIO()
    try:
        config = fastxai.show_config(file=stream)
        select_device_ops("ascend")
        refused = fastxai.show_config(file=stream)["device_ops"]
    finally:
        select_device_ops("auto")
        use_library(before)
    assert config["cuda"]["available"] is False
    assert config["device_ops"] == {"made_by": "host", "reason": "the device is the CPU"}
    assert f"CUDA kernels no ({tmp_path}/none.so was not built)\n" in stream.getvalue()
    assert "copies by    host (the device is the CPU)\n" in stream.getvalue()
    assert refused["made_by"] == ""
    assert "the device is CPU" in refused["reason"]


def test_show_config_refuses_what_cannot_be_written_to():
    with pytest.raises(TypeError, match=r"^show_config: `file` must be a text stream .* got 3\.$"):
        fastxai.show_config(file=3)


def test_one_thread_reads_well():
    text = _config._native_text(NATIVE | {"num_threads": 1})
    assert text == "yes, avx2 of baseline, avx2; 1 thread"


def test_the_model_name_is_read_from_cpuinfo(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: A CPU @ 2: GHz\n")
    assert _config._cpu_model(str(cpuinfo)) == "A CPU @ 2: GHz"
    assert _config._cpu_model(str(tmp_path / "absent"))
