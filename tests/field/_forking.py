"""What processes of tests/field/test_fork.py do: `python _forking.py CASE`; prints how it went.

A fresh interpreter, since whether MindSpore or a kernel has run in a process is what counts.
"""

import multiprocessing
import os
import signal
import sys
import threading

import numpy as np

import fastxai
from fastxai import ops

CHILD_S = 60  # after which a child that waits for ever is killed

IMAGE = np.random.default_rng(0).normal(size=(3, 224, 224)).astype(np.float32)
SPEC = ops.MaskSpec(seed=0, size=(224, 224))


def in_child(function):
    """What a function returns in a forked child, as text; what it raised; or that it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(CHILD_S)
        try:
            words = function()
        except RuntimeError as error:
            words = f"RuntimeError {error}"
        os.write(write, str(words).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        words = file.read().decode()
    _, status = os.waitpid(child, 0)
    return words if status == 0 else f"killed by {status}"


def product(_=0):
    """A digest of an operator's output."""
    return hash(ops.masked_product(IMAGE, SPEC, 0, 32).tobytes())


def network():
    """A small MindSpore network, imported late."""
    import mindspore as ms
    from mindspore import nn

    ms.set_seed(0)
    return nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4 * 196, 3))


def explained(name, net, **settings):
    """A map's digest, by an explainer's name."""
    import mindspore as ms
    from mindspore import nn

    from fastxai import explainer

    x = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 14, 14)).astype(np.float32))
    kind = getattr(explainer, name)
    if name in ("RISE", "Occlusion"):
        settings = {"num_masks": 256, "seed": 0, **settings} if name == "RISE" else settings
        return hash(kind(net, nn.Softmax(), **settings)(x, 1).asnumpy().tobytes())
    return hash(kind(net)(x, 1).asnumpy().tobytes())


def operators():
    """Operators in a child, in its own child, in a pool and in a child of a thread."""
    here = product()
    assert here == product()
    print("child", int(in_child(product)) == here)
    print("grandchild", in_child(lambda: in_child(product)) == str(here))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print("pool", pool.map_async(product, range(4)).get(CHILD_S) == 4 * [here])
    found = []
    thread = threading.Thread(target=lambda: found.append((product(), in_child(product))))
    thread.start()
    thread.join()
    print("thread", found == [(here, str(here))])
    print("threads", ops.num_threads(), in_child(ops.num_threads))
    print("parent", product() == here)


def unused():
    """MindSpore in a child of a process that has only imported it."""
    net = network()
    words = in_child(lambda: explained("RISE", net, engine="mindspore"))
    print("same", words == str(explained("RISE", net, engine="mindspore")))


def used(engine="mindspore"):
    """Explainers in a child of a process that has explained."""
    from fastxai.benchmark import ClassSensitivity
    from fastxai.explainer import Gradient

    net = network()
    here = explained("RISE", net, engine=engine)
    print("RISE", in_child(lambda: explained("RISE", net, engine=engine)))
    if engine == "mindspore":
        for name in ("Occlusion", "Gradient", "GradCAM"):
            print(name, in_child(lambda n=name: explained(n, net)))
        gradient = Gradient(net)
        evaluate = ClassSensitivity().evaluate
        print("metric", in_child(lambda: evaluate(gradient, None)))
        print("grandchild", in_child(lambda: in_child(lambda: explained("RISE", net))))
    print("operators", in_child(product) == str(product()))
    print("parent", explained("RISE", net, engine=engine) == here)


def without_fastxai():
    """The user's own use of MindSpore counts too."""
    import mindspore as ms

    (ms.Tensor(np.ones(3, np.float32)) + 1).asnumpy()
    net = network()
    print("RISE", in_child(lambda: explained("RISE", net, engine="mindspore")))


def while_others_work():
    """A fork while another thread holds locks and flags; only what a fork may run is run."""
    from fastxai.system.call_lock import CallLock
    from fastxai.system.temporary_state import TemporaryState

    lock, mode = CallLock(), {"training": True}
    holder = TemporaryState(
        CallLock(), lambda part: part["training"], lambda p, old: p.update(training=old)
    )
    inside, over = threading.Event(), threading.Event()

    def work():
        with lock.acquired(), holder.applied([mode], lambda: mode.update(training=False)):
            inside.set()
            over.wait(CHILD_S)

    def child():
        with lock.acquired():
            return mode["training"]

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    print("child", in_child(child))
    with CallLock().acquired() as _:
        print("parent", mode["training"])
    over.set()
    thread.join()
    print("afterwards", mode["training"])


if __name__ == "__main__":
    fastxai.set_num_threads(2)
    case, *arguments = sys.argv[1:]
    globals()[case](*arguments)
