"""Backend of perturbation explainers for networks of MindSpore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.hints import in_our_words
from fastxai.arguments.targets import check_scores
from fastxai.explainer.perturb.compiled import CellKey, CompiledCells
from fastxai.explainer.perturb.score_checks import Call, ScoreChecks
from fastxai.network.evaluation import evaluating, running
from fastxai.network.inputs import to_images
from fastxai.network.interrupt import interruptible
from fastxai.network.layers import convolutions_of, layers_of
from fastxai.network.scores import ScoreCell
from fastxai.network.structure import Structure
from fastxai.ops.native import has_native
from fastxai.perturbation.backend import Backend, ScoredBy
from fastxai.perturbation.batches import even_batch
from fastxai.perturbation.plan import MaskPlan, Plan
from fastxai.scores.chosen import checked_outputs
from fastxai.system.forks import check_process

if TYPE_CHECKING:
    from fastxai.engine.mixed import MixedEngine
    from fastxai.engine.protocol import Engine
    from fastxai.engine.selector import Selector
    from fastxai.perturbation.step import Step, Task

Fill = Callable[[np.ndarray], Any]  # writes the first copies into an array (M, C, H, W)
Path = tuple[int | str, ...]


class MindSporeBackend(Backend):
    """Scores by MindSpore in its mode and on its device, or on a CPU by a faster engine.

    Args:
        owner, output, score: As of `Backend`.
        network: The classifier.
        activation_fn: A Cell of rows of scores.
        selector: Chooses the engine.
    """

    overlaps = True

    def __init__(
        self,
        owner: str,
        network: nn.Cell,
        activation_fn: nn.Cell,
        output: Path,
        selector: Selector,
        score: Any = None,
    ) -> None:
        from fastxai.engine.input_dtype import InputDtype

        super().__init__(owner, output, score)
        self._network = network
        self._activation_fn = activation_fn
        self.selector = selector
        self._input_dtype = InputDtype(network, output)
        self._call: Call | None = None
        self._checks = ScoreChecks(owner, network, activation_fn, output)
        self._probed: dict[Any, int] = {}  # what 'auto' found, by what it depends on
        self.compiled: CompiledCells[Any] = CompiledCells()
        self._built_from: Structure | None = None  # of what was compiled

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "compiled": CompiledCells(), "_call": None, "_built_from": None}

    @contextmanager
    def ready(self) -> Iterator[None]:
        """A call may run in this process, and be interrupted."""
        check_process(self.owner)
        with interruptible():
            yield

    def begin(self, scored_by: str) -> None:
        """A call begins: until the next one the network is taken not to change."""
        self._forget_if_changed()
        self.selector.start()
        self.selector.go_on_with(scored_by)

    def _forget_if_changed(self) -> None:
        """Drops what was compiled if anything of the network but its weights has changed since."""
        cells = self._network, self._activation_fn
        if self._built_from is None or not self._built_from.is_current(*cells):
            self.compiled.clear()
            self._built_from = Structure(*cells)

    def images(self, inputs: Any) -> np.ndarray:
        """The images as float32 (N, C, H, W)."""
        return to_images(self.owner, inputs)

    @contextmanager
    def scoring(self, images: np.ndarray) -> Iterator[None]:
        """The network is evaluated in here; its errors are told in our words."""
        with (
            in_our_words(self.owner, lambda: layers_of(self._network), images.shape),
            evaluating(self._network, self._activation_fn),
        ):
            self._call = Call(self._input_dtype.of(images[0]), images[:1])
            yield

    def class_scores(self, images: np.ndarray) -> np.ndarray:
        """The activated scores of every image, (N, K); with `score` that, (N, T)."""
        score = self._on_host("top class")
        parts = [score(np.ascontiguousarray(image[None])) for image in images]
        for scores in parts:
            self._inspect(scores.shape, np.zeros(1, np.int64), 1)
        return np.concatenate(parts)

    def scores_together(self, images: np.ndarray, plan: Plan) -> np.ndarray | None:
        """The same (M, K) of images that fill a batch: one pass of the engine, if there is one."""
        engine = self._engine_of_classes(images, plan)
        if engine is None:
            return None
        scores = self.read_plain(engine(images), len(images))
        self._inspect(scores.shape, np.zeros(1, np.int64), len(images))
        return scores

    def _engine_of_classes(self, images: np.ndarray, plan: Plan) -> Engine | None:
        """What scores the copies, if it gives the classes' scores in float32."""
        found = self.engine_for(images.shape, plan.rule.most, lambda out: np.copyto(out, images))
        return found if found is not None and found.precision == "float32" else None

    def scores_by_engine(self, image: np.ndarray, plan: Plan, batch: int) -> bool:
        """Whether another engine than MindSpore, and it alone, scores copies of an image (C, H, W).

        A chosen score may be a function of the user's, which is not to be called by two threads.
        """
        if self._chosen is not None:
            return False
        shape, source = (batch, *image.shape), plan.source(image)
        found = self.engine_for(shape, plan.rule.most, lambda out: source.fill(out, 0))
        return found is not None

    # ---- batches ---------------------------------------------------------------------------

    def batch(self, image: np.ndarray, plan: Plan, most: int | str) -> int:
        """Copies of an image (C, H, W) to score at a time; for 'auto' the fastest number."""
        total = plan.rule.segment
        if most != "auto":
            return even_batch(total, int(most))
        preference = self.selector.preference
        key = (image.shape, self.dtype, preference, ms.get_context("mode"))
        if key not in self._probed:
            from fastxai.explainer.perturb.batch_probe import fastest_batch

            self._probed[key] = fastest_batch(self, image, plan, total)
        size = min(self._probed[key], total)
        # The engine for this size is there already: some copies that do not count cost less than
        # another one.
        return size if -total % size <= total // 50 else even_batch(total, size)

    def convolutions(self) -> tuple[Any, ...]:
        """Input channels, kernel and stride of each one of the network."""
        return convolutions_of(self._network)

    # ---- steps -----------------------------------------------------------------------------

    def step(self, task: Task) -> Step:
        """What scores the batches of an image: an engine, or MindSpore.

        In a CPU graph MindSpore does all of a batch of masks, but for a chosen score, which is a
        function on the host; elsewhere on a CPU copies are made and scores added there; on another
        device (or where `select_device_ops` names device ops) the copies are made there.

        Raises:
            RuntimeError: The engine or the ops that were named cannot be had.
        """
        from fastxai.engine.mixed import MixedEngine
        from fastxai.ops.device import device_ops
        from fastxai.perturbation.step import HostBatches, HostStep

        tally = task.plan.tally(len(task.labels))
        units = task.plan.rule.most
        engine = self.engine_for(task.shape, units, lambda out: task.source.fill(out, 0))
        if isinstance(engine, MixedEngine):
            return self._mixed_step(task, engine)
        if engine is not None:
            score = self._by_engine(engine)
        else:
            made_by = "host" if task.plan.on_host else device_ops()[0]
            in_graph = isinstance(task.plan, MaskPlan) and not task.plan.on_host
            in_graph = in_graph and self._chosen is None
            if made_by == "host" and in_graph and _is_cpu_graph():
                return self._graph_step(task)
            score = self._on_host("scores")
            if made_by != "host":
                checked = self._checked(self._on_device(task, made_by), task)
                return HostStep(task, tally, checked)
        return HostStep(task, tally, HostBatches(task, self._checked(score, task)))

    def _mixed_step(self, task: Task, engine: MixedEngine) -> Step:
        from fastxai.perturbation.mixed import MixedStep, MixedTally

        assert isinstance(task.plan, MaskPlan)
        tally = MixedTally(task.plan.spec, len(task.labels), task.plan.rule.most, self.owner)
        both = (self._by_engine(one) for one in (engine.cheap, engine.exact))
        cheap, exact = (self._checked(one, task) for one in both)
        return MixedStep(task, tally, cheap, exact)

    def _graph_step(self, task: Task) -> Step:
        from fastxai.explainer.perturb.graph_step import GraphStep, StepCell

        dtype, labels, batch = self.dtype, task.labels, task.batch
        return GraphStep(
            task,
            lambda: self.compiled.using(
                CellKey("step", str(dtype), batch),
                lambda: StepCell(self.score_cell(dtype), batch, dtype),
            ),
            lambda shape, scores: self._inspect(shape, labels, batch, scores),
        )

    def _on_device(self, task: Task, made_by: str) -> Callable[[int], np.ndarray]:
        """Scores of copies that are made on MindSpore's device, so that none crosses the bus."""
        from fastxai.ops.device import CoveredBatches, MaskedBatches

        plan, dtype, base = task.plan, self.dtype, task.plan.base.of(task.image)
        kind: Any = MaskedBatches if isinstance(plan, MaskPlan) else CoveredBatches
        copies = kind(task.image, plan.spec, base, made_by)  # type: ignore[attr-defined]

        def score(first: int) -> np.ndarray:
            with self._cell("scores", dtype) as cell, running("MindSpore"):
                batch = copies(first - plan.uncounted, task.batch)
                outputs = cell(batch).asnumpy().copy()  # it may return memory that it uses again
            return outputs if self._chosen is None else self.read(outputs, task.batch)

        return score

    def _on_host(self, purpose: str) -> Callable[[np.ndarray], np.ndarray]:
        """MindSpore's scores (M, K) of batches on the host."""
        from fastxai.engine.mindspore import MindSporeEngine

        dtype = self.dtype

        def score(batch: np.ndarray) -> np.ndarray:
            with self._cell(purpose, dtype) as cell:
                outputs = MindSporeEngine(cell, str(dtype))(batch)
            if self._chosen is None:
                return outputs
            read = self.read if purpose == "scores" else self.read_plain
            return read(outputs, len(batch))

        return score

    def _by_engine(self, engine: Engine) -> Callable[[np.ndarray], np.ndarray]:
        """An engine's scores (M, K) of batches on the host."""
        return lambda batch: self.read(engine(batch), len(batch))

    def _cell(self, purpose: str, dtype: Any) -> AbstractContextManager[Any]:
        """A cell that is compiled once; 'scores' or 'top class'."""
        make = self.score_cell if purpose == "scores" else self.plain_cell
        return self.compiled.using(CellKey(purpose, str(dtype)), lambda: make(dtype))

    def engine_for(self, shape: tuple[int, ...], images: int, fill: Fill) -> Engine | None:
        """The engine for batches (M, C, H, W); None for MindSpore.

        Args:
            shape: Shape of a batch.
            images: How many there are to score.
            fill: Writes the first batch into an array of that shape.
        """
        from fastxai.engine.request import ScoringRequest

        dtype = self.dtype
        return self.selector.select(
            ScoringRequest(
                self.scored_cells(),
                lambda: self.exported_cell(dtype),
                shape,
                fill,
                images,
                dtype,
                (self._output, self._chosen is not None),
            )
        )

    # ---- what is scored --------------------------------------------------------------------

    def scored_cells(self) -> tuple[nn.Cell, ...]:
        """All that the scores depend on."""
        return self._network, self._activation_fn

    def plain_cell(self, dtype: Any) -> nn.Cell:
        """Images (M, C, H, W) to the classifier's activated scores (M, K) float32.

        With a chosen score they go to outputs (M, K, ...), of which it is made.
        """
        whole = self._chosen is not None
        return ScoreCell(self._network, self._activation_fn, dtype, self._output, whole)

    def score_cell(self, dtype: Any) -> nn.Cell:
        """Images (M, C, H, W) to what is summed, (M, K) float32, by MindSpore.

        With a chosen score they go to what `read` makes that of.
        """
        return self.plain_cell(dtype)

    def exported_cell(self, dtype: Any) -> nn.Cell:
        """What another engine runs: images (M, C, H, W) to what `read` takes, float32."""
        return self.score_cell(dtype)

    def read(self, outputs: np.ndarray, rows: int) -> np.ndarray:
        """What is summed, (M, K), of what `exported_cell` gives for so many images."""
        return self.read_plain(outputs, rows)

    def read_plain(self, outputs: np.ndarray, rows: int) -> np.ndarray:
        """Scores of what `plain_cell` gives for so many images.

        Raises:
            ValueError: The outputs or the chosen scores are not of so many images.
        """
        if self._chosen is None:
            return outputs
        assert self._call is not None
        checked_outputs(self.owner, outputs, rows)
        self._checks.look(outputs.shape[1], rows, self._call, lambda: outputs)
        return self._chosen(outputs)

    @property
    def dtype(self) -> Any:
        """What the network takes: found by the call, else the likeliest."""
        return self._input_dtype.unasked() if self._call is None else self._call.dtype

    @property
    def scored_by(self) -> ScoredBy:
        """What scores the image that began last."""
        choice = self.selector.choice
        assert choice is not None  # an engine was selected
        return ScoredBy(choice.engine, choice.precision, choice.identity, choice.error)

    @property
    def note(self) -> str:
        """The same in a few words for the progress bar."""
        return self.selector.note

    def identity(self, images: np.ndarray) -> dict[str, Any]:
        """What the scores depend on, in kinds that JSON has."""
        from fastxai.network.digest import network_digest
        from fastxai.perturbation.explainer import array_digest

        preference = self.selector.preference
        chosen = {} if self._chosen is None else {"score": self._chosen.identity}
        return {
            **chosen,
            "images": array_digest(images),
            "network": network_digest(self.scored_cells()),
            "MindSpore": ms.__version__,
            "mode": "GRAPH" if ms.get_context("mode") == ms.GRAPH_MODE else "PYNATIVE",
            "device": ms.get_context("device_target"),
            "engine": preference.engine,
            "precision": preference.precision,
            "dtype": str(self.dtype),
            "output": self._output,
        }

    def tensor(self, maps: np.ndarray, images: Any) -> ms.Tensor:
        """Maps (N, L, H, W) float32 as a Tensor."""
        return ms.Tensor(maps)

    def _checked(
        self, score: Callable[[Any], np.ndarray], task: Task
    ) -> Callable[[Any], np.ndarray]:
        """The function, whose scores are looked at."""

        def checked(batch: Any) -> np.ndarray:
            scores = score(batch)
            self._inspect(scores.shape, task.labels, task.batch, lambda: scores)
            return scores

        return checked

    def _inspect(
        self,
        shape: tuple[int, ...],
        labels: np.ndarray,
        rows: int,
        scores: Callable[[], np.ndarray] | None = None,
    ) -> None:
        """Refuses what `ScoreChecks` refuses."""
        if self._chosen is not None:  # whose outputs `read_plain` has looked at
            check_scores(self.owner, shape, rows, labels)
            return
        assert self._call is not None
        self._checks(shape, labels, rows, self._call, scores)


def _is_cpu_graph() -> bool:
    graph = ms.get_context("mode") == ms.GRAPH_MODE
    return graph and has_native() and ms.get_context("device_target") == "CPU"
