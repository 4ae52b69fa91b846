"""Optimizers by name: Keras's, tensorflow-addons' and LARS, with one meaning of weight decay.

Weight decay is decoupled (I. Loshchilov, F. Hutter, "Decoupled Weight Decay
Regularization", ICLR 2019, https://arxiv.org/abs/1711.05101) and follows the learning
rate, for every optimizer and both of Keras's optimizer classes. A step is

    w <- w - learning_rate(t) * weight_decay * w, then the optimizer's own update

for variables of rank 2 and more. Biases and the scales and offsets of normalisation, of
rank 0 and 1, do not decay. LAMB and LARS have it inside their trust ratio instead, as
published, with the same exception.

tensorflow-addons' optimizers are of Keras's legacy class, and its three wrappers
(moving_average, swa, lookahead) wrap only that one: the name inside a wrapper gives the
legacy class of the same optimizer.
"""

import dataclasses
import functools
import inspect
import math

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from sslkeras import notation
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import (
    Boolean,
    Integer,
    Optional,
    Real,
    Text,
    check_argument,
)
from sslkeras.training import addons, lars

_LearningRateSchedule = keras.optimizers.schedules.LearningRateSchedule


def _decays(variable):
    """Whether `variable` is one that weight decay and layer-wise rates are meant for."""
    return variable.shape.rank >= 2


class _KerasDecay:
    """Mixed into Keras's class: spares vectors, with no help from whoever trains."""

    def build(self, var_list):
        # Keras refuses exclusions once the optimizer is built, and builds only once.
        if not getattr(self, "_vectors_are_spared", False):
            self.exclude_from_weight_decay([v for v in var_list if not _decays(v)])
            self._vectors_are_spared = True
        super().build(var_list)


class _KerasSgd(_KerasDecay):
    """For Keras's SGD, which keeps a momentum for each variable even where it is 0.

    For a large table of vectors that is as much memory again, and each update of a few of its
    rows goes over all of them.
    """

    def add_variable_from_reference(self, model_variable, variable_name, **kwargs):
        if variable_name == "m" and not self.momentum:
            return None  # What its update understands: it then moves the variable itself.
        return super().add_variable_from_reference(model_variable, variable_name, **kwargs)


class _PlainConfig:
    """Mixed into a legacy optimizer: it hands back Python numbers.

    It would hand back NumPy's, which tensorflow-addons' own constructors refuse.
    """

    def get_config(self):
        config = super().get_config()
        return {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}


class _WrapperStart(_PlainConfig):
    """Mixed into the wrappers, so that they start inside a graph under several replicas.

    Theirs ask for the step counter before Keras has lifted its creation out of the graph.
    """

    def apply_gradients(self, grads_and_vars, name=None, **kwargs):
        with tf.init_scope():
            _ = self.iterations
        return super().apply_gradients(grads_and_vars, name, **kwargs)


class _LegacyDecay(_PlainConfig):
    """Mixed into the legacy class: what Keras's class does for `weight_decay`.

    `tfa.optimizers.DecoupledWeightDecayExtension` is not used: its decay does not follow
    the learning rate, and it fails on optimizers whose update takes no `apply_state`
    (AdaBelief, Lookahead). Where an optimizer has a `weight_decay` of its own
    (RectifiedAdam, AdaBelief, NovoGrad) that one stays 0.
    """

    # Whether a sparse gradient decays only the rows it touches.
    decays_rows = False

    def __init__(self, *args, weight_decay=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self._decoupled_decay = float(weight_decay)

    def get_config(self):
        return {**super().get_config(), "weight_decay": self._decoupled_decay}

    def _prepare_local(self, var_device, var_dtype, apply_state):
        super()._prepare_local(var_device, var_dtype, apply_state)
        if self._decoupled_decay:
            decay = self._decayed_lr(var_dtype) * self._decoupled_decay
            apply_state[(var_device, var_dtype)]["decoupled_decay"] = decay

    def _resource_apply_dense(self, grad, var, apply_state=None):
        with tf.control_dependencies([self._decay(var, apply_state)]):
            update = super()._resource_apply_dense
            return update(grad, var, **_accepted(update, apply_state))

    def _resource_apply_sparse(self, grad, var, indices, apply_state=None):
        with tf.control_dependencies([self._decay(var, apply_state, indices)]):
            update = super()._resource_apply_sparse
            return update(grad, var, indices, **_accepted(update, apply_state))

    def _decay(self, var, apply_state, indices=None):
        if not self._decoupled_decay or not _decays(var):
            return tf.no_op()
        key = (var.device, var.dtype.base_dtype)
        local = (apply_state or {}).get(key) or self._fallback_apply_state(*key)
        if indices is not None and self.decays_rows:
            rows = tf.gather(var, indices)
            return self._resource_scatter_add(var, indices, -local["decoupled_decay"] * rows)
        return var.assign_sub(local["decoupled_decay"] * var, use_locking=self._use_locking)


def _accepted(update, apply_state):
    if "apply_state" in inspect.signature(update).parameters:
        return {"apply_state": apply_state}
    return {}


class _SgdDecay(_LegacyDecay):
    """For SGD, which applies sparse gradients without momentum behind `_resource_apply_sparse`.

    That way goes past the decay, and Lookahead of tensorflow-addons fails on it.
    """

    def _resource_apply_sparse_duplicate_indices(self, grad, var, indices, **kwargs):
        usual = keras.optimizers.legacy.Optimizer._resource_apply_sparse_duplicate_indices
        return usual(self, grad, var, indices, **kwargs)

    def _resource_apply_sparse(self, grad, var, indices, apply_state=None):
        if self._momentum:
            return super()._resource_apply_sparse(grad, var, indices, apply_state=apply_state)
        with tf.control_dependencies([self._decay(var, apply_state, indices)]):
            rate = self._decayed_lr(var.dtype.base_dtype)
            return self._resource_scatter_add(var, indices, -rate * grad)


class _LazyDecay(_LegacyDecay):
    """For LazyAdam, whose point is to leave alone the rows that a batch does not touch."""

    decays_rows = True


class _LambDecay(_PlainConfig):
    """Mixed into LAMB: vectors neither decay nor have a rate of their own."""

    def _do_use_weight_decay(self, variable):
        return _decays(variable) and super()._do_use_weight_decay(variable)

    def _do_layer_adaptation(self, variable):
        return _decays(variable) and super()._do_layer_adaptation(variable)


@functools.cache
def _subclass(mixin, base):
    """`base` with `mixin`, known to Keras's deserialisation from its first use on."""
    legacy = "Legacy" if issubclass(base, keras.optimizers.legacy.Optimizer) else ""
    name = f"Sparing{legacy}{base.__name__}"
    made = type(name, (mixin, base), {"__module__": __name__, "__doc__": base.__doc__})
    return keras.saving.register_keras_serializable(package="sslkeras")(made)


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """How one name becomes an optimizer.

    `home` is "keras", "addons" or "sslkeras"; `legacy` is whether a wrapper can take it;
    `mixin` is for the legacy class, `keras_mixin` for the current one; `defaults` replace those
    of the class.
    """

    summary: str
    home: str
    class_name: str
    legacy: bool = True
    mixin: type = _LegacyDecay
    keras_mixin: type = _KerasDecay
    wraps: bool = False
    decay: bool = True
    rate: bool = True
    schedule: bool = True
    defaults: dict = dataclasses.field(default_factory=dict)

    def load(self, legacy):
        """The class itself, without weight decay; `legacy` says which of Keras's two."""
        if self.home == "addons":
            return getattr(addons.load().optimizers, self.class_name)
        if self.home == "sslkeras":
            return lars.LARS
        home = keras.optimizers.legacy if legacy else keras.optimizers
        # The legacy Keras has no AdamW: it is Adam with decay.
        return getattr(home, "Adam" if legacy and self.class_name == "AdamW" else self.class_name)

    def decaying(self, legacy):
        """The class that is instantiated."""
        base = self.load(legacy)
        if issubclass(base, keras.optimizers.legacy.Optimizer):
            return _subclass(self.mixin, base)
        return base if self.home == "sslkeras" else _subclass(self.keras_mixin, base)


def _keras(summary, class_name, **rest):
    return _Recipe(summary, "keras", class_name, **rest)


def _addons(summary, class_name, **rest):
    return _Recipe(summary, "addons", class_name, **rest)


def _wrapper(summary, class_name):
    return _addons(summary, class_name, legacy=False, mixin=_WrapperStart, wraps=True, rate=False)


_RECTIFIED_ADAM = _addons("Adam with a rectified early rate (Liu et al. 2020)", "RectifiedAdam")

_RECIPES = {
    "adabelief": _addons("Adam scaled by surprise (Zhuang et al. 2020)", "AdaBelief"),
    "adadelta": _keras("rates from a window of updates (Zeiler 2012)", "Adadelta"),
    "adafactor": _keras(
        "Adam in sublinear memory (Shazeer & Stern 2018)", "Adafactor", legacy=False
    ),
    "adagrad": _keras("rates from all past gradients (Duchi et al. 2011)", "Adagrad"),
    "adam": _keras("adaptive moments (Kingma & Ba 2015)", "Adam"),
    "adamax": _keras("Adam in the infinity norm (Kingma & Ba 2015)", "Adamax"),
    "adamw": _keras(
        "Adam with weight decay (Loshchilov & Hutter 2019)",
        "AdamW",
        defaults={"weight_decay": 0.004},
    ),
    "cocob": _addons(
        "coin betting, without a learning rate; dense gradients only (Orabona & Tommasi 2017)",
        "COCOB",
        decay=False,
        rate=False,
    ),
    "conditional_gradient": _addons(
        "Frank-Wolfe in a norm ball; a rate near 1 is a small step (Jaggi 2013)",
        "ConditionalGradient",
        decay=False,
        schedule=False,  # It hands the schedule itself to TensorFlow, which fails.
    ),
    "ftrl": _keras("follow the regularised leader (McMahan et al. 2013)", "Ftrl"),
    "lamb": _addons(
        "layer-wise Adam for large batches (You et al. 2020)", "LAMB", mixin=_LambDecay
    ),
    "lars": _Recipe(
        "layer-wise SGD for large batches (You et al. 2017)", "sslkeras", "LARS", legacy=False
    ),
    "lazy_adam": _addons(
        "Adam that moves only the rows looked up; for embeddings", "LazyAdam", mixin=_LazyDecay
    ),
    "lion": _keras("sign of an interpolated momentum (Chen et al. 2023)", "Lion", legacy=False),
    "lookahead": _wrapper("k steps forward, one back; wraps (Zhang et al. 2019)", "Lookahead"),
    "moving_average": _wrapper(
        "ends at the running average of the weights; wraps", "MovingAverage"
    ),
    "nadam": _keras("Adam with Nesterov momentum (Dozat 2016)", "Nadam"),
    "novograd": _addons("layer-wise second moments (Ginsburg et al. 2019)", "NovoGrad"),
    "proximal_adagrad": _addons("Adagrad with L1 and L2 (Duchi & Singer 2009)", "ProximalAdagrad"),
    "radam": _RECTIFIED_ADAM,
    "rectified_adam": _RECTIFIED_ADAM,
    "rmsprop": _keras("rates from recent gradients (Tieleman & Hinton 2012)", "RMSprop"),
    "sgd": _keras(
        "gradient descent, with momentum=0.9 on request",
        "SGD",
        mixin=_SgdDecay,
        keras_mixin=_KerasSgd,
    ),
    "swa": _wrapper("ends at the mean of snapshots; wraps (Izmailov et al. 2018)", "SWA"),
    "yogi": _addons("Adam with additive second moments (Zaheer et al. 2018)", "Yogi"),
}

# Not the user's to give: names of ops, what schedules and the rule on rank do better.
_HIDDEN = {
    "self",
    "name",
    "use_locking",
    "num_updates",
    "exclude_from_weight_decay",
    "exclude_from_layer_adaptation",
    "total_steps",
    "warmup_proportion",
    "min_lr",
}
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")

_POSITIVE = Real(0, closed="neither")
_BELOW_ONE = Real(0, 1, closed="left")
_SHARE = Real(0, 1)
_RANGES = {
    "alpha": Real(1),
    "average_decay": _SHARE,
    "average_period": Integer(1, unit="steps"),
    "beta": Real(0),
    "beta1": _BELOW_ONE,
    "beta2": _BELOW_ONE,
    "beta_1": _BELOW_ONE,
    "beta_2": _BELOW_ONE,
    "clipnorm": Optional(_POSITIVE),
    "clipvalue": Optional(_POSITIVE),
    "ema_momentum": _SHARE,
    "ema_overwrite_frequency": Optional(Integer(1, unit="steps")),
    "epsilon": Real(0),
    "global_clipnorm": Optional(_POSITIVE),
    "learning_rate": _POSITIVE,
    "momentum": _BELOW_ONE,
    "optimizer": Text("a string, the optimizer to wrap as name or name(key=value, ...)"),
    "rho": _BELOW_ONE,
    "slow_step_size": _SHARE,
    "start_averaging": Integer(0, unit="steps"),
    "start_step": Integer(0, unit="steps"),
    "sync_period": Integer(1, unit="steps"),
    "trust_coefficient": _POSITIVE,
    "weight_decay": Real(0),
}


def optimizer_names() -> dict[str, str]:
    """Each name with a line on what it is, for help text. Imports no tensorflow-addons."""
    return {name: recipe.summary for name, recipe in _RECIPES.items()}


def _parameters(recipe, legacy):
    """What the user may give, as `inspect.Parameter`s with defaults."""
    found = {}
    base = recipe.load(legacy)
    for parameter in inspect.signature(base.__init__).parameters.values():
        if parameter.name in _HIDDEN or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        found[parameter.name] = parameter.default
    if not issubclass(base, keras.optimizers.Optimizer) or recipe.home == "sslkeras":
        found.update(dict.fromkeys(_CLIPPING))
    if recipe.decay and not recipe.wraps:
        found["weight_decay"] = found.get("weight_decay") or 0.0
    else:
        found.pop("weight_decay", None)
    found.update(recipe.defaults)
    if found.get("learning_rate") is inspect.Parameter.empty:
        found["learning_rate"] = None  # It may still come from elsewhere.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    required = [name for name, default in found.items() if default is inspect.Parameter.empty]
    names = required + [name for name in found if name not in required]
    return [inspect.Parameter(name, kind, default=found[name]) for name in names]


def _constraint(name, default):
    """What the argument may be: by its name where that has a range, else by its default."""
    if name in _RANGES:
        return _RANGES[name]
    if isinstance(default, bool):
        return Boolean()
    if isinstance(default, int):
        return Integer()
    if isinstance(default, float):
        return Real()
    if isinstance(default, str):
        return Text()
    return None


@dataclasses.dataclass
class _Order:
    """What a text asks for: the recipe and the arguments that were given."""

    text: str
    named: notation.Named
    recipe: _Recipe
    given: dict
    defaults: dict
    legacy: bool
    inner: "_Order | None" = None

    def value(self, name):
        """The argument `name` as given, else its default."""
        return self.given.get(name, self.defaults.get(name))

    @property
    def core(self):
        """The order of the optimizer that makes the steps."""
        return self.inner or self


def _read(text, legacy=False):
    """Parses and checks `text`; `legacy` is whether it stands inside a wrapper."""
    named = notation.parse(text)
    if named.name not in _RECIPES:
        raise ConfigurationError(
            f"An optimizer must be one that exists. Received: '{named.name}'."
            f"{notation.suggest(named.name, _RECIPES)} There are: {', '.join(_RECIPES)}."
        )
    recipe = _RECIPES[named.name]
    if legacy and not recipe.legacy:
        raise ConfigurationError(
            "A wrapper must wrap an optimizer that exists in Keras's legacy class and is no "
            f"wrapper itself. Received: '{named.name}'. Take one of: "
            f"{', '.join(name for name, other in _RECIPES.items() if other.legacy)}."
        )
    parameters = _parameters(recipe, legacy)
    defaults = {parameter.name: parameter.default for parameter in parameters}
    given = _bind(named, parameters)
    for name, value in given.items():
        constraint = _constraint(name, defaults[name])
        if constraint is not None:
            given[name] = check_argument(f"optimizer '{named.name}'", name, value, constraint)
    order = _Order(text, named, recipe, given, defaults, legacy)
    if recipe.wraps:
        order.inner = _read(given["optimizer"], legacy=True)
        _hoist_clipping(order)
    return order


def _bind(named, parameters):
    def collect(**arguments):
        return arguments

    collect.__signature__ = inspect.Signature(parameters)
    return notation.bind(collect, named, "optimizer")


def _hoist_clipping(order):
    """Moves clipping from the wrapped optimizer, which would not clip, to its wrapper."""
    for name in _CLIPPING:
        if name not in order.inner.given:
            continue
        if name in order.given:
            raise ConfigurationError(
                f"`{name}` must be given once. Received: {order.text}. Drop it inside or outside."
            )
        order.given[name] = order.inner.given.pop(name)


def create_optimizer(text: str, *, learning_rate=None, weight_decay: float = 0.0):
    """Makes the optimizer that `name` or `name(key=value, ...)` describes.

    `optimizer_names()` lists the names; each takes the arguments of its class, `clipnorm`,
    `clipvalue` or `global_clipnorm` (all > 0), and `weight_decay`. A wrapper takes the one
    it wraps as text: "lookahead(optimizer='adam(beta_2=0.98)', sync_period=5)".

    Args:
        text: For instance "sgd(momentum=0.9)".
        learning_rate: > 0, or a schedule: in place of the default. A wrapper hands it in.
        weight_decay: >= 0; 0 leaves it to `text` and the default. See the module.

    Returns:
        A `keras.optimizers.Optimizer` or a `keras.optimizers.legacy.Optimizer`, not built.

    Raises:
        ConfigurationError: If the notation, the name or a value is wrong, if the rate or the
            decay is given twice and differently, or to an optimizer that has none.
    """
    order = _read(text)
    core = order.core
    if learning_rate is not None:
        _take_learning_rate(order, learning_rate)
    elif core.recipe.rate and core.value("learning_rate") is None:
        raise ConfigurationError(
            f"Optimizer '{core.named.name}' has no default learning rate, one must be given. "
            f"Received: {text}. Write {core.named.name}(learning_rate=...)."
        )
    _take_weight_decay(order, weight_decay)
    return _make(order)


def _take_learning_rate(order, rate):
    core = order.core
    if not core.recipe.rate:
        raise ConfigurationError(
            f"The optimizer must have a learning rate where one is given. Received: "
            f"learning_rate={rate!r} for {order.text}. Drop it: '{core.named.name}' finds its own."
        )
    inside = core.given.get("learning_rate")
    if isinstance(rate, _LearningRateSchedule):
        if not core.recipe.schedule:
            raise ConfigurationError(
                f"The learning rate of '{core.named.name}' must be a number. Received: "
                f"{type(rate).__name__}. Take the schedule 'constant' without warm-up."
            )
        # sslkeras' schedules and most of Keras's say at which rate they start or peak.
        same = getattr(rate, "learning_rate", getattr(rate, "initial_learning_rate", None))
    else:
        owner = f"optimizer '{core.named.name}'"
        same = rate = check_argument(owner, "learning_rate", rate, _POSITIVE)
    if inside is not None and (
        not isinstance(same, float) or not math.isclose(inside, same, rel_tol=1e-6)
    ):
        raise ConfigurationError(
            f"The learning rate must be given once. Received: {order.text} and "
            f"learning_rate={rate!r}. Drop one of the two or make them equal."
        )
    core.given["learning_rate"] = rate


def _take_weight_decay(order, decay):
    core = order.core
    owner = f"optimizer '{core.named.name}'"
    decay = check_argument(owner, "weight_decay", decay, Real(0))
    if not decay:
        return
    if not core.recipe.decay:
        raise ConfigurationError(
            "The optimizer must be one whose steps shrink with its learning rate where weight "
            f"decay is given. Received: weight_decay={decay} for {order.text}. Drop it or take "
            "another optimizer."
        )
    inside = core.given.get("weight_decay")
    if inside is not None and not math.isclose(inside, decay, rel_tol=1e-6):
        raise ConfigurationError(
            f"The weight decay must be given once. Received: {order.text} and "
            f"weight_decay={decay}. Drop one of the two or make them equal."
        )
    core.given["weight_decay"] = decay


def _make(order):
    arguments = {**order.recipe.defaults, **order.given}
    if order.inner:
        arguments["optimizer"] = _make(order.inner)
    if order.recipe.home == "keras" and not order.legacy and order.named.name != "adamw":
        # None rather than 0 spares Keras's class one operation per variable.
        arguments["weight_decay"] = arguments.get("weight_decay") or None
    try:
        return order.recipe.decaying(order.legacy)(**arguments)
    except (TypeError, ValueError) as error:
        accepted = ", ".join(f"{name}={value!r}" for name, value in order.defaults.items())
        raise ConfigurationError(
            f"The arguments of optimizer '{order.named.name}' must fit together. Received: "
            f"{order.text} ({error}). Change them; it takes: {accepted}."
        ) from error


def default_learning_rate(text: str) -> float | None:
    """The rate that `create_optimizer(text)` would train at, e.g. to build a schedule on.

    Returns:
        The rate in `text`, else the default of the optimizer (the wrapped one for a
        wrapper), else None: "cocob" has no rate and "conditional_gradient" no default.

    Raises:
        ConfigurationError: If the notation, the name or a value in `text` is wrong.
    """
    core = _read(text).core
    return core.value("learning_rate") if core.recipe.rate else None


def _unscaled(optimizer):
    """The optimizer inside any `LossScaleOptimizer`."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _steps(optimizer):
    return int(optimizer.iterations.numpy())


def learning_rate_now(optimizer) -> float:
    """The rate of the last step, or of the first before there was one; for logging.

    Works for both of Keras's classes and through wrappers and `LossScaleOptimizer`. NaN
    for an optimizer without a learning rate (cocob).
    """
    optimizer = _unscaled(optimizer)
    try:
        rate = optimizer.learning_rate
    except AttributeError:
        return math.nan
    if isinstance(rate, _LearningRateSchedule):
        rate = rate(max(_steps(optimizer) - 1, 0))
    # float() of a variable that several replicas mirror fails.
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)


def _averages(optimizer, variables):
    """The averages of `variables`, None for one that never moved; [] if there are none."""
    if not hasattr(optimizer, "assign_average_vars"):
        return []
    # SWA's first snapshot falls on the update after `start_averaging` updates. Until
    # then its averages are zeros.
    start, steps = optimizer.get_config().get("start_averaging", 0), _steps(optimizer)
    if steps <= start:
        logging.warning(
            "After %d steps there is no average yet (it starts after %d): the weights stay as "
            "the last step left them.",
            steps,
            start,
        )
        return []
    averages = []
    for variable in variables:
        try:
            averages.append(optimizer.get_slot(variable, "average"))
        except KeyError:
            averages.append(None)
    return averages


def swap_in_averages(optimizer, variables) -> bool:
    """Assigns to `variables` the averages that the optimizer kept of them, if it keeps any.

    "moving_average", "swa" and `use_ema=True` do. To be called once, at the end of
    training and outside of any replica. The statistics of BatchNormalization are not
    averaged and belong to the weights of the last steps: Izmailov et al. (2018, arXiv
    1803.05407, section 3.2) run the data through the averaged model once more.

    Args:
        optimizer: Any optimizer, inside a `LossScaleOptimizer` or not.
        variables: Trained variables, e.g. `model.trainable_variables`.

    Returns:
        Whether there were averages; if not, nothing changes.
    """
    optimizer = _unscaled(optimizer)
    if getattr(optimizer, "use_ema", False) and _steps(optimizer):
        optimizer.finalize_variable_values(variables)
        return True
    averages = _averages(optimizer, variables)
    for variable, average in zip(variables, averages, strict=False):
        if average is not None:
            variable.assign(average)
    return bool(averages)


def fresh_copy(optimizer):
    """An optimizer of the same class and settings that has made no step.

    Its rate is the present one where somebody changed that by hand; a schedule starts
    again at step 0.
    """
    return type(optimizer).from_config(optimizer.get_config())
