"""The faults: a file, a text found once in it, what it becomes, and the tests that must fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One wrong line.

    Attributes:
        file: Path from the root of the repository.
        old: Text that is in it once.
        new: What it becomes.
        tests: Arguments of pytest, or, where the file is compiled, the subject of a C++ test.
    """

    file: str
    old: str
    new: str
    tests: str


_ARGUMENTS = "tests/field/test_operator_arguments.py"

PYTHON = [
    Fault(
        "tests/conftest.py",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
        "",
        "tests/network/test_interrupt.py -k background_job",
    ),
    Fault("fastxai/ops/checks.py", "max(int(axis), 1)", "int(axis)", _ARGUMENTS),
    Fault("fastxai/ops/checks.py", "if lost.any():", "if False:", _ARGUMENTS),
    Fault("fastxai/ops/checks.py", "return array.copy() if any", "return array if any", _ARGUMENTS),
    Fault("fastxai/ops/mask_upsample.py", "if not 0 <= value <= 1:", "if value > 1:", _ARGUMENTS),
    Fault("fastxai/ops/pixel_fill.py", 'if intervals.dtype.kind == "u":', "if False:", _ARGUMENTS),
    Fault("fastxai/ops/masked_product.py", "> _LARGEST[dtype]", "> np.inf", _ARGUMENTS),
    Fault(
        "fastxai/ops/saliency_accumulate.py",
        "if np.may_share_memory(into.sums, into.moments):",
        "if False:",
        _ARGUMENTS,
    ),
    Fault(
        "fastxai/ops/saliency_accumulate.py",
        "if not np.isfinite(np.abs(sums).sum()):",
        "if False:",
        _ARGUMENTS,
    ),
    Fault(
        "fastxai/arguments/targets.py",
        "if array.min() < 0:",
        "if False:",
        "tests/arguments",
    ),
    Fault(
        "fastxai/arguments/targets.py",
        "if int(targets.max()) >= num_classes:",
        "if False:",
        "tests/explainer/test_contract.py -k refuses_targets",
    ),
    Fault(
        "fastxai/arguments/targets.py",
        "    targets = host_array(targets)\n",
        "",
        "tests/explainer/test_contract.py -k takes_targets_in_every_form",
    ),
    Fault(
        "fastxai/network/inputs.py",
        'if array.dtype.kind not in "fiu":',
        'if array.dtype.kind not in "fi":',
        "tests/explainer/test_contract.py -k other_dtypes",
    ),
    Fault(
        "fastxai/network/evaluation.py",
        "                cell.set_train(False)",
        "                cell.set_train(True)",
        "tests/explainer/test_contract.py -k evaluated_and_given",
    ),
    Fault(
        "fastxai/ops/params.py",
        "round(self.keep_probability * 2**32)",
        "round(self.keep_probability * 2**31)",
        "tests/ops/test_params.py tests/ops/test_mask_grid.py",
    ),
    Fault(
        "fastxai/ops/bilinear.py",
        "denominator = 2 * up",
        "denominator = 2 * up + 1",
        "tests/ops/test_bilinear.py",
    ),
    Fault(
        "fastxai/reference/occlusion.py",
        "number = np.ones(size)",
        "number = np.zeros(size)",
        "tests/ops/test_occlusion.py",
    ),
    Fault(
        "fastxai/reference/saliency_accumulate.py",
        "sums[:, dy, dx] +=",
        "sums[:, dx % len(sums[0]), dx] +=",
        "tests/ops/test_saliency_accumulate.py",
    ),
]

COMPILED = [
    Fault(
        "kernels/occlusion/occlusion_cpu.cpp",
        "if (!(sum - sum == 0.0))",
        "if (false)",
        _ARGUMENTS,
    ),
    Fault(
        "kernels/occlusion/occlusion_cpu.cpp",
        "x < p.window_cols; ++x) pixels[x] = base.values[c]",
        "x <= p.window_cols; ++x) pixels[x] = base.values[c]",
        "occlusion",
    ),
    Fault(
        "kernels/pixel_fill/pixel_fill_cpu.cpp",
        "ranks[k] < in.high",
        "ranks[k] <= in.high",
        "pixel_fill",
    ),
    Fault(
        "kernels/saliency_accumulate/saliency_accumulate_cpu.cpp",
        "second_moment += f * f",
        "second_moment += f",
        "saliency_accumulate",
    ),
    Fault(
        "kernels/common/bilinear.h",
        "(2 * y + 1) * cells - up;\n  if",
        "(2 * y + 2) * cells - up;\n  if",
        "mask_upsample",
    ),
    Fault("kernels/common/mask_cell.h", "word < threshold", "word <= threshold", "mask_grid"),
    Fault(
        "csrc/mindspore/aot.h",
        "if (status != Status::kParams) return status;",
        "return status;",
        "aot",
    ),
    Fault(
        "csrc/common/params.cpp",
        "plane * (s.channels > 0 ? s.channels : 1)",
        "plane * s.channels",
        "launch",
    ),
]
