"""The training step, in a fixed order with places for what a task does differently."""

import concurrent.futures
import dataclasses

import keras
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.losses.reduction import global_mean, num_replicas
from sslkeras.training.sparse_gradients import (
    GradientSum,
    clipped_by_global_norm,
    descend,
    is_plain_descent,
)


@dataclasses.dataclass(frozen=True)
class _Step:
    """What `compile` was given.

    Not attributes of the model: Keras would count the metrics' variables among its weights.
    """

    optimizers: dict
    loss: object
    loss_tracker: keras.metrics.Metric
    metrics: object
    clip_norm: float | None
    accumulate: int
    pretext: object
    measure_waiting: bool
    hogwild: int


@keras.saving.register_keras_serializable(package="sslkeras")
class SurrogateModel(keras.Model):
    """A model that owns its step. One step, on each replica:

    1. the pretext, where it runs on the device;
    2. `before_update(inputs)`: a momentum copy, say;
    3. `losses_of(inputs, targets, weights)`: forward pass, one loss for each optimizer;
       `objectives_of(losses, outputs)`: by what they are multiplied, if they are;
    4. gradients of the variables in `players()`, summed over replicas, then clipped;
    5. one update for each optimizer;
    6. `after_update(inputs, targets, outputs)`: enqueueing, projections, say.

    A functional model becomes one by `as_surrogate_model`; a task that needs more
    subclasses it and overrides the places above. Which variables an optimizer moves is
    said in `players()`, never by `layer.trainable`, which would turn batch
    normalisation to inference as well.
    """

    # What a task may override.

    def players(self) -> dict:
        """Name to list of variables, one for each optimizer, in the order of the updates."""
        return {"model": self.trainable_variables}

    def before_update(self, inputs):
        """Called in the replica before the forward pass of a training step."""
        return None  # AutoGraph cannot convert a function without a statement.

    def losses_of(self, inputs, targets, weights, training):
        """Runs the model.

        Returns:
            The outputs, and a dict of scalar losses by player. Each scalar is this
            replica's share of the global loss (see `sslkeras.losses.global_mean`).
        """
        outputs = self(inputs, training=training)
        return outputs, {"model": self.compute_loss(inputs, targets, outputs, weights)}

    def objectives_of(self, losses, outputs):
        """What is minimised, by player: the losses, unless their scale is not that of the update.

        A method whose published step is one for each of many parts of an example multiplies the
        mean, which is reported, by the number of parts.

        Args:
            losses: What `losses_of` returned.
            outputs: Likewise.
        """
        return losses

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        """This replica's share of the compiled loss plus what layers added."""
        total = tf.add_n(self.losses) / num_replicas() if self.losses else 0.0
        for loss, target, output, weight in self._by_output(
            self._step.loss, y, y_pred, sample_weight
        ):
            if isinstance(loss, keras.losses.Loss):
                values, reduction = loss.call(target, output), loss.reduction
            else:
                values, reduction = loss(target, output), "auto"
            if reduction == "sum":
                total += tf.reduce_sum(values if weight is None else values * weight)
            else:
                total += global_mean(values, weight)
        return total

    def after_update(self, inputs, targets, outputs):
        """Called in the replica after the update of a training step."""
        return None

    # What the house does.

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        metrics=None,
        *,
        clip_norm=None,
        accumulate=1,
        pretext=None,
        measure_waiting=True,
        hogwild=1,
        steps_per_execution=1,
        **kwargs,
    ):
        """Configures the step.

        Args:
            optimizer: A Keras or tensorflow-addons optimizer or its name; with several
                players a dict of them by player.
            loss: A `keras.losses.Loss` or function, a dict of them by output name, or None.
            metrics: `keras.metrics.Metric` objects, or a dict of lists by output name.
            clip_norm: Greatest global norm of a player's aggregated gradient, or None.
            accumulate: In how many slices the replica's batch is processed for one update.
            pretext: `pretext(batch, seed)` to run on the device, or None if the data holds
                inputs and targets already.
            measure_waiting: Whether to time how long the loop waits for data; TensorFlow's
                deterministic mode forbids reading the clock.
            hogwild: How many steps run at the same time, each on weights that the others change
                meanwhile. F. Niu, B. Recht, C. Re, S. J. Wright, "HOGWILD!: A Lock-Free Approach
                to Parallelizing Stochastic Gradient Descent", NIPS 2011.
            steps_per_execution: Steps in one call of the graph.
            **kwargs: Further arguments of `keras.Model.compile`.

        Raises:
            ConfigurationError: If a metric is no `keras.metrics.Metric`, or accumulation
                is asked of a model whose `after_update` needs the whole batch, or steps at the
                same time of one that does more than subtract gradients.
        """
        optimizers = optimizer if isinstance(optimizer, dict) else {"model": optimizer}
        super().compile(
            optimizer=next(iter(optimizers.values())),
            steps_per_execution=steps_per_execution,
            # Keras would advise to move the metrics there; here all of them are weighted.
            **{"weighted_metrics": [], **kwargs},
        )
        if set(optimizers) != set(self.players()):
            raise ConfigurationError(
                "There must be one optimizer for each player of the model. Received: optimizers "
                f"{sorted(optimizers)} for players {sorted(self.players())}."
            )
        for metric in tf.nest.flatten(metrics or []):
            if not isinstance(metric, keras.metrics.Metric):
                raise ConfigurationError(
                    "Each metric must be a keras.metrics.Metric. Received: "
                    f"{metric!r}. Use the class instead of its name."
                )
        if accumulate > 1 and type(self).after_update is not SurrogateModel.after_update:
            raise ConfigurationError(
                "Gradient accumulation needs a model whose state depends on no single batch. "
                f"Received: accumulate={accumulate} for {type(self).__name__}. Use accumulate=1."
            )
        self._step = _Step(
            optimizers={
                # compile() has wrapped the first one for mixed precision if that is needed.
                name: self.optimizer if position == 0 else self._get_optimizer(one)
                for position, (name, one) in enumerate(optimizers.items())
            },
            loss=keras.losses.get(loss) if isinstance(loss, str) else loss,
            loss_tracker=keras.metrics.Mean(name="loss"),
            metrics=metrics if metrics is not None else [],
            clip_norm=clip_norm,
            accumulate=accumulate,
            pretext=pretext,
            measure_waiting=measure_waiting,
            hogwild=hogwild,
        )
        if hogwild > 1:
            self._check_steps_may_overlap()

    def _check_steps_may_overlap(self):
        """Raises `ConfigurationError` unless all that a step leaves behind are subtractions."""
        kind = type(self)
        if (kind.before_update, kind.after_update) != (
            SurrogateModel.before_update,
            SurrogateModel.after_update,
        ):
            raise ConfigurationError(
                "`hogwild` needs a model whose step changes nothing but by its gradients. "
                f"Received: hogwild={self._step.hogwild} for {kind.__name__}. Use hogwild=1."
            )
        others = [o for o in self._step.optimizers.values() if not is_plain_descent(o)]
        if others:
            raise ConfigurationError(
                "`hogwild` needs optimizer='sgd' without momentum, whose steps may overlap. "
                f"Received: hogwild={self._step.hogwild} with {others[0].name}. Use hogwild=1, or "
                "that optimizer."
            )

    @property
    def optimizers(self) -> dict:
        """The compiled optimizers by player."""
        return self._step.optimizers

    @property
    def metrics(self):
        if not hasattr(self, "_step"):
            return []
        return [self._step.loss_tracker, *tf.nest.flatten(self._step.metrics)]

    def train_step(self, data):
        if self._step.pretext is not None:
            data = self._step.pretext(*data)
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        self.before_update(inputs)
        if self._step.accumulate == 1:
            outputs, gradients = self._gradients(inputs, targets, weights)
        else:
            outputs, gradients = None, self._accumulated_gradients(inputs, targets, weights)
        for player, variables in self.players().items():
            self._update(self._step.optimizers[player], variables, gradients[player])
        self.after_update(inputs, targets, outputs)

    def test_step(self, data):
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs, losses = self.losses_of(inputs, targets, weights, training=False)
        self._track(inputs, targets, outputs, weights, losses)
        return self.get_metrics_result()

    def run_in_next_call(self, steps: int):
        """Sets how many steps the next calls of the graph run."""
        self._steps_per_execution.assign(steps)

    def steps_in_next_call(self) -> int:
        """How many steps the next call of the graph runs."""
        return int(self._steps_per_execution.numpy())

    def _by_output(self, given, targets, outputs, weights):
        """`(one, targets, outputs, weights)` for each output that `given` has one for."""
        if given is None:
            return
        if not isinstance(given, dict):
            yield given, targets, outputs, weights
            return
        for name, one in given.items():
            of = [v.get(name) if isinstance(v, dict) else v for v in (targets, outputs, weights)]
            yield one, *of

    def _track(self, inputs, targets, outputs, weights, losses):
        size = tf.shape(tf.nest.flatten(inputs)[0])[0]
        total = tf.add_n([tf.cast(loss, tf.float32) for loss in losses.values()])
        self._step.loss_tracker.update_state(total * num_replicas(), sample_weight=size)
        for metrics, target, output, weight in self._by_output(
            self._step.metrics or None, targets, outputs, weights
        ):
            for metric in metrics:
                metric.update_state(target, output, weight)

    def _gradients(self, inputs, targets, weights, scale=1.0):
        players = self.players()
        # Persistent only where several losses share the forward pass.
        with tf.GradientTape(persistent=len(players) > 1) as tape:
            outputs, losses = self.losses_of(inputs, targets, weights, training=True)
            objectives = self.objectives_of(losses, outputs)
            scaled = {name: self._scaled(name, objectives[name] * scale) for name in players}
        self._track(inputs, targets, outputs, weights, losses)
        gradients = {
            name: self._unscaled(name, tape.gradient(scaled[name], variables))
            for name, variables in players.items()
        }
        return outputs, gradients

    def _accumulated_gradients(self, inputs, targets, weights):
        slices = self._step.accumulate
        data = (inputs, targets, weights)
        part = tf.shape(tf.nest.flatten(inputs)[0])[0] // slices

        def gradients_of(index):
            piece = tf.nest.map_structure(
                lambda value: None if value is None else value[index * part : (index + 1) * part],
                data,
            )
            return self._gradients(*piece, scale=1.0 / slices)[1]

        # The first slice tells which gradients there are, and which of them are sparse.
        sums = {name: GradientSum(found, slices) for name, found in gradients_of(0).items()}

        def body(index, states):
            found = gradients_of(index)
            return index + 1, {
                name: sums[name].add(state, index, found[name]) for name, state in states.items()
            }

        _, states = tf.while_loop(
            lambda index, _: index < slices,
            body,
            (1, {name: one.start() for name, one in sums.items()}),
            parallel_iterations=1,
        )
        return {name: one.result(states[name]) for name, one in sums.items()}

    def _scaled(self, player, loss):
        optimizer = self._step.optimizers[player]
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            return optimizer.get_scaled_loss(loss)
        return loss

    def _unscaled(self, player, gradients):
        optimizer = self._step.optimizers[player]
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            return optimizer.get_unscaled_gradients(gradients)
        return gradients

    def _update(self, optimizer, variables, gradients):
        pairs = [(g, v) for g, v in zip(gradients, variables) if g is not None]
        if not pairs:
            return
        gradients, variables = zip(*pairs)
        replicas = tf.distribute.get_replica_context()
        if replicas.num_replicas_in_sync > 1:
            gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        # After the sum over replicas: a replica's own norm says nothing about the whole.
        if self._step.clip_norm is not None:
            gradients = clipped_by_global_norm(gradients, self._step.clip_norm)
        pairs = list(zip(gradients, variables))
        if replicas.num_replicas_in_sync == 1 and is_plain_descent(optimizer):
            descend(optimizer, pairs)
            return
        if isinstance(optimizer, keras.optimizers.legacy.Optimizer):
            optimizer.apply_gradients(pairs, experimental_aggregate_gradients=False)
        else:
            optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)

    def make_train_function(self, force=False):
        """The compiled loop of `steps_per_execution` steps.

        Unlike Keras's it computes the metrics once a call instead of once a step, and
        measures how long the loop waited for data: `seconds_waiting` in the logs.
        """
        if self.train_function is not None and not force:
            return self.train_function

        def one_step(data):
            self.train_step(data)

        if self.jit_compile:
            one_step = tf.function(one_step, jit_compile=True, reduce_retracing=True)

        def take(iterator):
            if not self._step.measure_waiting:
                return next(iterator), tf.constant(0.0, tf.float64)
            before = tf.timestamp()
            with tf.control_dependencies([before]):
                data = next(iterator)
            with tf.control_dependencies(_any_tensor(data)):
                return data, tf.timestamp() - before

        def train_function(iterator, steps):
            waited = tf.constant(0.0, tf.float64)
            for _ in tf.range(steps):
                data, seconds = take(iterator)
                waited += seconds
                self.distribute_strategy.run(one_step, args=(data,))
            return waited

        if not self.run_eagerly:
            train_function = tf.function(train_function, reduce_retracing=True)
        self.train_tf_function = train_function

        lanes = self._step.hogwild
        threads = None
        if lanes > 1 and not self.run_eagerly:
            threads = concurrent.futures.ThreadPoolExecutor(lanes)

        def run(iterator):
            steps = tf.identity(self._steps_per_execution)
            # The first call also builds the graph, and runs alone.
            if threads is None or not train_function.experimental_get_tracing_count():
                return train_function(iterator, steps)
            # Also where one fails, none goes on when this returns.
            shares = [(steps + lane) // lanes for lane in range(lanes)]
            running = [threads.submit(train_function, iterator, share) for share in shares]
            concurrent.futures.wait(running)
            return tf.reduce_max([one.result() for one in running])

        def call(iterator):
            waited = run(iterator)
            return {**self.get_metrics_result(), "seconds_waiting": waited}

        self.train_function = call
        return call


def _any_tensor(data):
    """One tensor of `data` on this worker, to order the clock after the data's arrival."""
    local = tf.distribute.get_strategy().experimental_local_results(data)[0]
    return [tf.nest.flatten(local)[0]]


def as_surrogate_model(model: keras.Model) -> SurrogateModel:
    """`model` with sslkeras's training step; layers and weights are shared.

    Raises:
        ConfigurationError: If `model` is neither functional nor a `SurrogateModel`.
    """
    if isinstance(model, SurrogateModel):
        return model
    own_step = type(model).train_step is not keras.Model.train_step
    if not isinstance(model, keras.Model) or own_step or not model.inputs:
        raise ConfigurationError(
            "build_model() must return a functional keras.Model or a SurrogateModel. Received: "
            f"{type(model).__name__}. Build it from keras.Input, or subclass SurrogateModel."
        )
    return SurrogateModel(model.input, model.output, name=model.name)
