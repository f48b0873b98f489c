"""A run on a cluster of Ray: workers, nodes and the driver die, and the rows stay the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fastxai.dataset import explain_on_ray, open
from tests.dataset.conftest import SMALL, small_rise
from tests.dataset.test_resume import content

if "FASTXAI_TEST_CLUSTER" not in os.environ:
    pytest.skip("`make cluster-test` runs them", allow_module_level=True)
ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = pytest.mark.slow
MASKS = 6000  # so that an image takes long enough to be killed in
ROOT = Path(__file__).parents[2]


def make():
    return small_rise(num_masks=MASKS)


@pytest.fixture(scope="module")
def nodes():
    """A head without CPUs for actors, and three nodes with one each."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(ROOT))
    noticed = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
    noticed |= {"health_check_timeout_ms": 1000, "health_check_failure_threshold": 5}
    settings = {"num_cpus": 0, "_system_config": noticed}  # of a lost node, in some seconds
    found = cluster_utils.Cluster(initialize_head=True, head_node_args=settings)
    added = [found.add_node(num_cpus=1) for _ in range(3)]
    ray.init(address=found.address, log_to_driver=False)
    yield found, added
    ray.shutdown()
    found.shutdown()
    patch.undo()


@pytest.fixture
def whole(run, tmp_path):
    run("whole", explainer=make())
    return content(tmp_path / "whole")


def on_ray(pictures, folder, **settings):
    settings = {"preprocess": SMALL, "progress": False, "workers": 2, **settings}
    return explain_on_ray(make, pictures, folder, **settings)


def while_running(folder, action):
    """Does something once the first rows are written."""

    def wait():
        end = time.monotonic() + 60
        while time.monotonic() < end and not list(Path(folder).glob(".rows/[0-9]*.parquet")):
            time.sleep(0.01)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_actors_make_the_rows_of_one_process(nodes, pictures, tmp_path, whole):
    assert on_ray(pictures, tmp_path / "ray").images == 10
    assert content(tmp_path / "ray") == whole


def test_one_image_shared_by_all_actors_has_the_same_rows(nodes, pictures, tmp_path, whole):
    on_ray(pictures, tmp_path / "shared", share_images=True)
    assert content(tmp_path / "shared") == whole


def test_a_killed_worker_is_made_up_for(nodes, pictures, tmp_path, whole):
    def kill():
        found = subprocess.run(["pgrep", "-f", "ray::Worker"], capture_output=True, text=True)
        mine = [int(pid) for pid in found.stdout.split() if _is_ours(int(pid))]
        os.kill(mine[0], signal.SIGKILL)

    thread = while_running(tmp_path / "killed", kill)
    assert on_ray(pictures, tmp_path / "killed").images == 10
    thread.join()
    assert content(tmp_path / "killed") == whole


def test_a_killed_driver_is_resumed(nodes, pictures, tmp_path, whole):
    cluster, _ = nodes
    text = (
        "import sys; from tests.dataset.test_ray import on_ray\n"
        f"on_ray({str(pictures)!r}, {str(tmp_path / 'cut')!r}, address={cluster.address!r})"
    )
    with subprocess.Popen([sys.executable, "-c", text], cwd=ROOT) as driver:
        thread = while_running(tmp_path / "cut", driver.kill)
        thread.join()
    assert len(open(tmp_path / "cut")) < 10
    assert on_ray(pictures, tmp_path / "cut").images == 10
    assert content(tmp_path / "cut") == whole


def test_a_lost_node_is_made_up_for(nodes, pictures, tmp_path, whole):
    cluster, added = nodes

    def lose():
        busy = {actor["NodeID"] for actor in _actors() if actor["State"] == "ALIVE"}
        node = next(each for each in added if each.node_id in busy)
        added.remove(node)
        cluster.remove_node(node, allow_graceful=False)

    thread = while_running(tmp_path / "lost", lose)
    assert on_ray(pictures, tmp_path / "lost").images == 10
    thread.join()
    assert content(tmp_path / "lost") == whole


def _actors():
    """Actors of the cluster with their nodes."""
    table = ray._private.state.actors()
    return [{"NodeID": a["Address"]["NodeID"], "State": a["State"]} for a in table.values()]


def _is_ours(pid):
    """Whether a process descends from this one's cluster: others may run Ray on the machine."""
    try:
        return str(ROOT) in Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return False
