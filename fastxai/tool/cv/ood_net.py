"""OoDNet: how much an image looks like those a classifier was trained on."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Parameter, nn, ops
from mindspore.common.initializer import HeNormal

from fastxai.network.evaluation import differentiating, running
from fastxai.network.interrupt import interruptible
from fastxai.ops.checks import check_int
from fastxai.perturbation.progress import Progress, check_progress, reporting
from fastxai.tool.cv.classifier import LINES, FeatureView, check_classifier
from fastxai.tool.cv.prefixed import PrefixedCell
from fastxai.tool.cv.training import EpochScheduler, StepCounter, callback_list, unclaimed

_NORM_EPS = 1e-4  # added to every norm
_TINY = 1e-30  # keeps the gradient of the norm of a zero row finite


class OoDNet(PrefixedCell):
    r"""Out-of-distribution scores from the features of a classifier.

    With f the classifier's features of an image, h, g and b weights of its own:

    * after `set_train(False)`, as constructed: scores
      :math:`s_l = \frac{f}{|f| + 10^{-4}} \cdot \frac{h_l}{|h_l| + 10^{-4}}`, high for images like
      those of class l that it was trained on;
    * after `set_train(True)`: logits :math:`s_l / \sigma(BN(g \cdot f + b))`, for the loss.

    The classifier must have two attributes, `num_features` (int) and `output_features` (bool); its
    `construct` returns the features (N, num_features) where `output_features` is True. OoDNet
    shares its weights and leaves all else of it alone: attributes, train flags, names. It
    evaluates the classifier, also while training, unless the classifier is trained too. The scales
    of `BN` are not trained, as in mindspore_xai.

    Checkpoints have mindspore_xai's keys, the classifier's with the prefix `_underlying.`, while
    the `name` of the classifier's Parameters stays. A Cell that contains an OoDNet and is saved as
    a whole uses those names.

    Args:
        underlying: The classifier.
        num_classes: L, classes it was trained on.

    Inputs:
        x (Tensor): What the classifier takes.

    Outputs:
        Tensor (N, L) float32.

    Raises:
        TypeError: An argument or an attribute is of the wrong kind.
        ValueError: `num_classes` or `num_features` is not positive, or the features have another
            shape than (N, num_features).
        AttributeError: The classifier lacks an attribute.

    Source:
        Hsu, Shen, Jin and Kira, "Generalized ODIN: Detecting Out-of-distribution Image without
        Learning from Out-of-distribution Data", CVPR 2020, DeConf-C; the constants are MindSpore
        XAI's.

    Supported Platforms:
        What MindSpore runs on, in both modes; tested on ``CPU``.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.tool.cv import OoDNet
        >>> class Classifier(nn.Cell):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.num_features = 6
        ...         self.output_features = False
        ...         self.hidden = nn.SequentialCell(nn.Flatten(), nn.Dense(48, 6), nn.ReLU())
        ...         self.dense = nn.Dense(6, 3)
        ...
        ...     def construct(self, x):
        ...         x = self.hidden(x)
        ...         if self.output_features:
        ...             return x
        ...         return self.dense(x)
        >>> ood_net = OoDNet(Classifier(), 3)
        >>> ood_net(ms.Tensor(np.ones((2, 3, 4, 4), np.float32))).shape
        (2, 3)
    """

    _foreign = "_underlying"

    def __init__(self, underlying: nn.Cell, num_classes: int) -> None:
        super().__init__()
        self._num_classes = check_int("OoDNet", "num_classes", num_classes, 1, 2**31 - 1)
        features = check_classifier(underlying)
        self._num_features = features
        self._trains_underlying = False
        self.insert_child_to_cell(self._foreign, underlying)
        self._refresh()
        self._h = nn.Dense(
            features, num_classes, has_bias=False, weight_init=HeNormal(nonlinearity="relu")
        )
        self._g_fc = nn.Dense(features, 1)
        self._g_bn2d = nn.BatchNorm2d(1)
        self.set_train(False)
        self.set_grad(False)

    @property
    def underlying(self) -> nn.Cell:
        """The classifier that was given, the same object."""
        return self._cells[self._foreign]

    @property
    def num_features(self) -> int:
        """Length of the classifier's features."""
        return self._num_features

    @property
    def num_classes(self) -> int:
        """Classes that the classifier was trained on."""
        return self._num_classes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Scores or logits; sees layers that were exchanged in the classifier."""
        with running("OoDNet"):
            self.refresh()
            return super().__call__(*args, **kwargs)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Scores (N, L), or logits while training."""
        return self.scores_of(self.features_of(x))

    def refresh(self) -> bool:
        """Sees layers that were exchanged in the classifier; says whether there were any."""
        if self._view.current:
            return False
        self._refresh()
        self.compile_cache.clear()
        return True

    def features_of(self, x: ms.Tensor) -> ms.Tensor:
        """The classifier's features (N, num_features), in its dtype."""
        features = self._features(x)
        if features.ndim != 2 or features.shape[1] != self._num_features:
            raise ValueError(
                f"OoDNet: `underlying` must return features (N, {self._num_features}), its "
                f"`num_features`, while `output_features` is True; got shape {features.shape}."
                f"{LINES}"
            )
        return features

    def scores_of(self, features: ms.Tensor) -> ms.Tensor:
        """Scores (N, L) of features, or logits while training."""
        features = features.astype(ms.float32)
        scores = ops.matmul(_unit_rows(features), _unit_rows(self._h.weight).T)
        if self.training:
            g = self._g_bn2d(self._g_fc(features).reshape(-1, 1, 1, 1))
            scores = scores / ops.sigmoid(g.reshape(-1, 1))
        return scores

    def get_train_parameters(self, train_underlying: bool = False) -> list[Parameter]:
        """The trained Parameters: `_h.weight`, `_g_fc.weight` and `_g_fc.bias`.

        Args:
            train_underlying: Put all Parameters of the classifier before them.

        Returns:
            The Parameters.
        """
        parameters = list(self.underlying.get_parameters()) if train_underlying else []
        return [*parameters, self._h.weight, self._g_fc.weight, self._g_fc.bias]

    def prepare_train(
        self,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 0.0001,
        lr_base_factor: float = 0.1,
        lr_epoch_denom: int = 30,
        train_underlying: bool = False,
    ) -> tuple[nn.SGD, EpochScheduler]:
        """Optimizer and learning rates for `train`, or for a training of your own.

        The rate is `learning_rate * lr_base_factor ** (e // lr_epoch_denom)`, e being the number of
        the last finished epoch, and 1 during the first. It is set at the end of a step: the first
        step of all has `learning_rate`, and the first of an epoch the rate before.

        Args:
            learning_rate: Rate to start from.
            momentum: Momentum of SGD.
            weight_decay: Weight decay of SGD.
            lr_base_factor: What the rate is multiplied by.
            lr_epoch_denom: After how many epochs, each time.
            train_underlying: Train the classifier too; `set_train(True)` then puts its layers in
                training mode as well, for OoDNet only.

        Returns:
            The optimizer and a Callback that sets its rate.

        Raises:
            TypeError: `lr_epoch_denom` is not an int.
            ValueError: It is not positive.
        """
        scheduler = EpochScheduler(learning_rate, lr_base_factor, lr_epoch_denom)
        optimizer = nn.SGD(
            self.get_train_parameters(train_underlying),
            learning_rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
        )
        self._set_trained(optimizer)
        return optimizer, scheduler

    def train(
        self,
        dataset: Any,
        loss_fn: nn.Cell,
        callbacks: Any = None,
        epoch: int = 90,
        optimizer: nn.Optimizer | None = None,
        scheduler: ms.train.Callback | None = None,
        *,
        progress: Progress = None,
        **kwargs: Any,
    ) -> None:
        """Trains on images of the classifier's own kind; afterwards evaluates again.

        Args:
            dataset: Dataset of (images, one-hot labels), batched. It may be the one that the
                classifier was trained on, and may be used again.
            loss_fn: `nn.SoftmaxCrossEntropyWithLogits()` for a classifier with softmax,
                `nn.BCEWithLogitsLoss()` for one with sigmoid. Reduction 'none', the default of the
                former, means the gradient of the sum.
            callbacks: Callback, or list or tuple of them.
            epoch: Number of epochs.
            optimizer: None for `prepare_train`'s. Parameters of the classifier in it are trained.
            scheduler: Callback that sets learning rates; None for `prepare_train`'s, also where an
                optimizer is given.
            progress: None shows a bar in a terminal or notebook when the run takes more than 3
                seconds, True at once, False never; a callable gets (done, total), in steps.
            **kwargs: Arguments of `prepare_train`.

        Raises:
            TypeError: `callbacks` or `progress` is of the wrong kind, or `epoch` not an int.
            ValueError: `epoch` is not positive.
        """
        check_progress("OoDNet", progress)
        epoch = check_int("OoDNet", "epoch", epoch, 1, 2**31 - 1)
        given = callback_list(callbacks)
        if optimizer is None or scheduler is None:
            made = self.prepare_train(**kwargs)
            optimizer = made[0] if optimizer is None else optimizer
            scheduler = made[1] if scheduler is None else scheduler
        self._set_trained(optimizer)
        steps = epoch * dataset.get_dataset_size()
        try:
            with (
                interruptible(),
                running("OoDNet"),
                differentiating(),
                self.renamed(),  # for callbacks that save the network
                unclaimed(dataset),
                reporting(progress, steps, "step") as advance,
            ):
                self.set_train(True)
                model = ms.Model(self, loss_fn=loss_fn, optimizer=optimizer)
                model.train(epoch, dataset, callbacks=[scheduler, *given, StepCounter(advance)])
        finally:
            self.set_train(False)
            self.set_grad(False)

    def add_flags_recursive(self, **flags: Any) -> OoDNet:
        """As every Cell's, without the caller's classifier; trains its features only if asked to.

        `set_train` comes here.
        """
        self.add_flags(**flags)
        for name, cell in self._cells.items():
            if name == "_features" and "training" in flags:
                training = flags["training"] and self._trains_underlying
                cell.add_flags_recursive(**{**flags, "training": training})
            elif name != self._foreign:
                cell.add_flags_recursive(**flags)
        return self

    def _set_trained(self, optimizer: nn.Optimizer) -> None:
        """Notes whether the optimizer trains the classifier."""
        theirs = {id(parameter) for parameter in self.underlying.get_parameters()}
        self._trains_underlying = any(id(parameter) in theirs for parameter in optimizer.parameters)

    def _refresh(self) -> None:
        """The classifier once more as a network that returns features."""
        self._view = FeatureView(self.underlying)
        self.insert_child_to_cell("_features", self._view.cell)
        self._view.cell.set_train(self.training and self._trains_underlying)


def _unit_rows(x: ms.Tensor) -> ms.Tensor:
    """Rows of (N, K) divided by their norm, which is enlarged a little."""
    return x / (ops.sqrt(ops.maximum((x * x).sum(axis=1, keepdims=True), _TINY)) + _NORM_EPS)
