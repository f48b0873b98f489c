"""State files and explanations that are not what they say: an error, never another map."""

import io
import json
import os
import struct
import zipfile

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISE, Explanation, Occlusion
from fastxai.perturbation import archive, run_state
from tests import _networks as networks

IMAGES = ms.Tensor(np.random.default_rng(4).normal(size=(2, 3, 14, 11)).astype(np.float32))
TARGETS = [[3, 1], [0, 4]]


class StoppedError(Exception):
    """Ends a run."""


def rise(**options):
    """An explainer of 2 batches an image."""
    options = {"num_masks": 300, "seed": 8, "engine": "mindspore", **options}
    return RISE(networks.SmallConv(), nn.Softmax(), 150, **options)


def stop(done, total):
    """Ends a run in its second image."""
    if done >= 450:
        raise StoppedError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Contents of a good explanation, of a state in the middle, and of one that keeps scores."""
    folder = tmp_path_factory.mktemp("saved")
    rise()(IMAGES, TARGETS, ret="result").save(folder / "explanation")
    for name, options in (("state", {}), ("kept", {"design": "oa128"})):
        with pytest.raises(StoppedError):
            rise(**options)(IMAGES, TARGETS, ret="result", state=folder / name, progress=stop)
    return {name: (folder / name).read_bytes() for name in ("explanation", "state", "kept")}


def load(path):
    """Reads an explanation."""
    return Explanation.load(path)


def go_on(path):
    """Goes on with a state."""
    return rise()(IMAGES, TARGETS, ret="result", state=path)


READERS = {"explanation": load, "state": go_on}
WORDS = {
    "explanation": r"^Explanation: .* is no file that Explanation\.save has written, or it is dama",
    "state": r"^RISE: `state` .* is no state of a run, or it is damaged \(",
}


@pytest.fixture(params=READERS)
def kind(request):
    """One kind of file."""
    return request.param


def refused(kind, path, content, words=""):
    """Asserts that content is refused and left alone."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=WORDS[kind] + ".*" + words):
        READERS[kind](path)
    if content is not None:
        assert path.read_bytes() == content


def members_of(content):
    """Names and bytes of the members of a file."""
    with zipfile.ZipFile(io.BytesIO(content)) as held:
        return {name: held.read(name) for name in held.namelist()}


def packed(members, compression=zipfile.ZIP_STORED):
    """A zip file of names and bytes, in pairs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as held:
        for name, data in members:
            held.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def arrays_of(content):
    """The arrays of a file."""
    with np.load(io.BytesIO(content)) as held:
        return dict(held)


def npz(arrays):
    """Arrays as a file, as a user of NumPy writes one: the checksum stays what it was."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_the_good_files_are_read(saved, kind, tmp_path):
    (tmp_path / "file").write_bytes(saved[kind])
    found = READERS[kind](tmp_path / "file")
    expected = rise()(IMAGES, TARGETS, ret="result")
    np.testing.assert_array_equal(found.saliency, expected.saliency)
    np.testing.assert_array_equal(found.standard_error, expected.standard_error)


# ---- what is changed without the checksum ---------------------------------------------------


def of_array(name):
    """An array that both kinds of files have."""
    return {"explanation": name, "state": f"found_{name}"}


CHANGES = {
    "a value": ("saliency", lambda a: a + np.float32(1e-6)),
    "the sign of zeros": ("num_masks", lambda a: -a),
    "nan": ("saliency", lambda a: a * np.nan),
    "fewer": ("num_masks", lambda a: a[:0]),
    "more": ("saliency", lambda a: np.concatenate([a, a])),
    "an axis": ("saliency", lambda a: a[0]),
    "another dtype": ("saliency", lambda a: a.astype(np.float64)),
    "another byte order": ("saliency", lambda a: a.astype(">f4")),
    "Fortran's order": ("saliency", np.asfortranarray),
    "integers": ("saliency", lambda a: a.astype(np.int32)),
    "letters": ("saliency", lambda a: a.astype("U8")),
    "a structure": ("saliency", lambda a: a.astype([("a", "f4")])),
    "a pickle": ("saliency", lambda a: np.array([print], dtype=object)),
    "turned": ("saliency", lambda a: np.ascontiguousarray(a.transpose(0, 1, 3, 2))),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.values(), ids=CHANGES)
def test_a_changed_array_is_refused(saved, kind, tmp_path, name, change):
    arrays = arrays_of(saved[kind])
    own = of_array(name)[kind]
    refused(kind, tmp_path / "file", npz({**arrays, own: change(arrays[own])}))


def test_a_missing_member_is_refused(saved, kind, tmp_path):
    arrays = arrays_of(saved[kind])
    for name in arrays:
        refused(kind, tmp_path / "file", npz({n: a for n, a in arrays.items() if n != name}))


def test_a_member_more_is_refused_unread(saved, kind, tmp_path):
    """The member says that it has 2 GB, and has not."""
    members = [*members_of(saved[kind]).items(), ("other.npy", b"")]
    content = bytearray(packed(members))
    at = content.rindex(b"PK\x01\x02")
    content[at + 20 : at + 28] = struct.pack("<2L", 2**31 - 1, 2**31 - 1)
    refused(kind, tmp_path / "file", bytes(content), "it has an unknown member 'other.npy'")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused_unread(saved, kind, tmp_path, compression):
    content = packed(members_of(saved[kind]).items(), compression)
    refused(kind, tmp_path / "file", content, "is compressed or encrypted")
    bomb = packed([("header.npy", bytes(10**7))], compression)
    refused(kind, tmp_path / "file", bomb, "is compressed or encrypted")


def test_encrypted_members_are_refused(saved, kind, tmp_path):
    content = bytearray(saved[kind])
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(magic)
        content[at + offset] |= 1
    refused(kind, tmp_path / "file", bytes(content), "is compressed or encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_there_twice_are_refused(saved, kind, tmp_path):
    members = list(members_of(saved[kind]).items())
    refused(kind, tmp_path / "file", packed([*members, members[-1]]), "two members")


def test_a_file_that_is_cut_off_or_goes_on_is_refused(saved, kind, tmp_path):
    content = saved[kind]
    for cut in (0, 1, 21, len(content) // 2, len(content) - 1):
        refused(kind, tmp_path / "file", content[:cut])
    for more in (content + b"x", content + bytes(100), b"x" + content, content + content):
        refused(kind, tmp_path / "file", more)


def test_sizes_that_contradict_each_other_are_refused_before_memory_is_taken(
    saved, kind, tmp_path, monkeypatch
):
    monkeypatch.setattr(archive, "_values", lambda *arguments: pytest.fail("it is read"))
    members = members_of(saved[kind])
    forged = dict(members)
    for pixels in (b"9999999, 9999999", b"14, 12", b"1, 11", b"-14, -11"):
        for name in ("saliency", "standard_error"):  # which agree with each other
            own = of_array(name)[kind] + ".npy"
            text = members[own][:128].replace(b"14, 11", pixels)
            assert text != members[own][:128]
            forged[own] = (text.rstrip().ljust(127) + b"\n") + members[own][128:]
        refused(kind, tmp_path / "file", packed(forged.items()))
    content = bytearray(saved[kind])  # the directory says that the file is longer than it is
    at = content.rindex(b"PK\x01\x02")
    content[at + 20 : at + 28] = struct.pack("<2L", 2**31 - 1, 2**31 - 1)
    refused(kind, tmp_path / "file", bytes(content), "is cut off")


HEADERS = {
    "another format": {"format": "fastxai something 7"},
    "no format": {"format": None},
    "seconds": {"seconds": -1},
    "a word more": {"more": 1},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_changed_header_is_refused(saved, kind, tmp_path, change):
    arrays = arrays_of(saved[kind])
    header = json.loads(str(arrays["header"])) | change
    arrays["header"] = np.array(json.dumps(header))
    refused(kind, tmp_path / "file", npz(arrays))


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{", '"text"', "[" * 100_000, "9" * 5000, '{"format": 1}']
)
def test_a_header_that_is_no_header_is_refused(saved, kind, tmp_path, text):
    refused(kind, tmp_path / "file", npz(arrays_of(saved[kind]) | {"header": np.array(text)}))


def test_files_of_another_kind_are_refused(saved, kind, tmp_path):
    path = tmp_path / "file"
    other = "state" if kind == "explanation" else "explanation"
    for content in (saved[other], b"no zip at all", packed([]), npz({"a": np.zeros(3)})):
        refused(kind, path, content)
    os.unlink(path)
    os.mkfifo(path)
    refused(kind, path, None, "it is no regular file")
    os.unlink(path)
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        READERS[kind](path)


def test_files_of_the_version_before_say_so(saved, kind, tmp_path):
    arrays = arrays_of(saved[kind])
    del arrays["sha256"]
    refused(kind, tmp_path / "file", npz(arrays), "it has no sha256: .* another version of fastxai")


@pytest.mark.parametrize("part", range(6))
def test_any_change_of_bytes_is_refused_or_harmless(saved, tmp_path, part):
    """Harmless: in a date, say, of which nothing is read. The arrays are what they were."""
    draw = np.random.RandomState(part)
    edges = [k for k in range(len(saved["explanation"])) if not 200 < k % 14000 < 13000]
    for _ in range(50):
        content = bytearray(saved["explanation"])
        for _ in range(draw.randint(1, 5)):
            at = draw.choice(edges) if draw.randint(2) else draw.randint(len(content))
            content[at] = draw.randint(256)
        refused_or_harmless(saved, tmp_path, content)


def refused_or_harmless(saved, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    try:
        found = Explanation.load(tmp_path / "file")
    except ValueError as error:
        assert "is no file that Explanation.save has written" in str(error)  # noqa: PT017
    else:
        good = arrays_of(saved["explanation"])
        for name in run_state.ARRAYS:
            # Equal bits, or absent from both, as what only precision 'mixed' has.
            np.testing.assert_array_equal(getattr(found, name), good.get(name))


# ---- what has a right checksum --------------------------------------------------------------


def resealed(path, kind, content, change):
    """A file that is changed by somebody who knows how the checksum is made."""
    path.write_bytes(content)
    format_of, members = {
        "explanation": ("fastxai explanation 2", run_state.ARRAYS),
        "state": (run_state._FORMAT, run_state._MEMBERS),
    }[kind]
    facts, arrays = archive.read_archive(path, format_of, members)
    change(facts, arrays)
    archive.write_archive(path, format_of, facts, arrays)


def put(name, value, where=...):
    """Sets values of an array."""

    def change(facts, arrays):
        own = name if name in arrays else f"found_{name}"
        arrays[own][where] = value

    return change


def fact(name, value):
    """Sets a fact."""
    return lambda facts, arrays: facts.__setitem__(name, value)


def without(name):
    """Leaves out an array."""
    return lambda facts, arrays: arrays.pop(name if name in arrays else f"found_{name}")


def scored(**values):
    """Sets what is said of the engine."""
    return lambda facts, arrays: facts["scored"].update(values)


BOTH = {
    "a nan in the map": put("saliency", np.nan, (0, 0, 3, 3)),
    "an infinite error": put("standard_error", np.inf),
    "a negative error": put("standard_error", -1e-3, (0, 0, 0, 0)),
    "no masks": put("num_masks", 0),
    "masks below zero": put("num_masks", -300),
    "no freedom": put("degrees_of_freedom", 0),
    "a correlation above 1": put("correlation", 1.5, (0, 0)),
    "half an error bar": without("correlation"),
    "no map": without("saliency"),
    "no number of masks": without("num_masks"),
    "time": fact("seconds", -1.0),
    "no time": fact("seconds", float("nan")),
    "another kind of time": fact("seconds", "1"),
    "a fact more": fact("more", 1),
}
EXPLANATION = {
    "a target below zero": put("targets", -1),
    "a seed too large": fact("seed", 2**64),
    "half a seed": fact("seed", 0.5),
    "a tol above 1": fact("tol", 1.5),
    "a truth for a number": fact("engine_error", True),
    "an engine that is none": fact("engine", ["mindspore"]),
}


def unknown_mask(facts, arrays):
    """One mask more of a cell, in the sums and not in the scores."""
    arrays["run_sums"][-1, 0, 0, 0, 0] += 1


STATE = {
    "a nan sum": put("run_sums", np.nan, (0, 0, 0, 0, 0)),
    "an infinite moment": put("run_moments", np.inf, (0, 0)),
    "sums too large": put("run_sums", 1e6, (0, 0, 0, 0, 0)),
    "scores too large": put("run_moments", 1e6, (0, 0)),
    "squares below zero": put("run_moments", -1.0, (0, 1)),
    "other masks": unknown_mask,
    "another count": put("run_moments", 149.0, -1),
    "a count below zero": put("run_moments", -150.0, -1),
    "half a count": put("run_moments", 149.5, -1),
    "a count above the run's": put("run_moments", 1e9, -1),
    "more masks than the run has": put("num_masks", 301),
    "no moments": without("run_moments"),
    "no sums": without("run_sums"),
    "scores that nobody keeps": lambda f, a: a.__setitem__("run_scores", np.ones((150, 2))),
    "a batch of none": fact("batch", 0),
    "a batch larger than the run": fact("batch", 302),
    "no batch": fact("batch", None),
    "no engine": fact("scored", {}),
    "an engine of another kind": scored(engine=3),
    "a wrong error of the engine": scored(engine_error=-1.0),
    "no identity": fact("identity", ""),
    "a seed of another kind": lambda f, a: f["facts"].__setitem__("seed", "8"),
    "a seed below zero": lambda f, a: f["facts"].__setitem__("seed", -8),
    "facts that are none": fact("facts", [1, 2]),
}


@pytest.mark.parametrize("change", BOTH.values(), ids=BOTH)
def test_what_no_run_finds_is_refused_with_a_right_checksum_too(saved, kind, tmp_path, change):
    resealed(tmp_path / "file", kind, saved[kind], change)
    refused(kind, tmp_path / "file", None)


@pytest.mark.parametrize("change", EXPLANATION.values(), ids=EXPLANATION)
def test_facts_that_no_explanation_has_are_refused(saved, tmp_path, change):
    resealed(tmp_path / "file", "explanation", saved["explanation"], change)
    refused("explanation", tmp_path / "file", None)


@pytest.mark.parametrize("change", STATE.values(), ids=STATE)
def test_states_that_no_run_has_are_refused(saved, tmp_path, change):
    resealed(tmp_path / "file", "state", saved["state"], change)
    refused("state", tmp_path / "file", None)


IMAGES_FOUND = (
    "found_saliency", "found_num_masks", "found_standard_error", "found_degrees_of_freedom",
    "found_correlation",
)  # fmt: skip
SHAPES = {
    "as many images as the call has, and one begun": [(name, 0) for name in IMAGES_FOUND],
    "larger maps": [("found_saliency", 2), ("found_standard_error", 2)],
    "another grid": [("run_sums", 3)],
    "another range of shifts": [("run_sums", 1)],
}


@pytest.mark.parametrize("which", SHAPES.values(), ids=SHAPES)
def test_shapes_of_another_call_are_refused(saved, tmp_path, which):
    def change(facts, arrays):
        for name, axis in which:
            arrays[name] = np.repeat(arrays[name], 2, axis)

    resealed(tmp_path / "file", "state", saved["state"], change)
    refused("state", tmp_path / "file", None)


@pytest.mark.parametrize(
    "change",
    [
        put("run_scores", 0.7, (3, 1)),
        put("run_scores", np.nan, (3, 1)),
        put("run_moments", 1e-3, (0, 0)),
        put("run_sums", 1e-3, (1, 2, 2, 5, 5)),
        without("run_scores"),
        lambda f, a: a.__setitem__("run_scores", a["run_scores"][:-1].copy()),
    ],
)
def test_sums_that_disagree_with_the_scores_are_refused(saved, tmp_path, change):
    path = tmp_path / "file"
    resealed(path, "state", saved["kept"], lambda facts, arrays: None)
    good = rise(design="oa128")(IMAGES, TARGETS, ret="result", state=path)
    expected = rise(design="oa128")(IMAGES, TARGETS, ret="result")
    np.testing.assert_array_equal(good.saliency, expected.saliency)
    resealed(path, "state", saved["kept"], change)
    with pytest.raises(ValueError, match=WORDS["state"]):
        rise(design="oa128")(IMAGES, TARGETS, ret="result", state=path)


@pytest.mark.parametrize(
    "change",
    [
        put("run_scores", np.inf, (3, 1)),
        lambda f, a: a.__setitem__("run_scores", np.ones((200, 2))),
        lambda f, a: a.update(run_sums=np.ones((3, 1, 1, 2, 2)), run_moments=np.ones((3, 2))),
    ],
)
def test_windows_that_cannot_be_are_refused(tmp_path, change):
    path = tmp_path / "file"

    def occlusion():
        network = networks.SmallConv()
        return Occlusion(network, nn.Softmax(), 20, window=3, strides=1, engine="mindspore")

    def halfway(done, total):
        if done >= 30:
            raise StoppedError

    with pytest.raises(StoppedError):
        occlusion()(IMAGES, TARGETS, state=path, progress=halfway)
    resealed(path, "state", path.read_bytes(), change)
    with pytest.raises(ValueError, match=r"^Occlusion: `state` .* or it is damaged \("):
        occlusion()(IMAGES, TARGETS, state=path)
