"""Pretraining: puts a task on devices, runs it, and leaves a run folder behind."""

import contextlib
import dataclasses
import functools
import pathlib
import tempfile
import time

import keras
import tensorflow as tf

from sslkeras import notation, registry, report
from sslkeras.datasets.dataset import Share, as_dataset
from sslkeras.encoders.encoder import as_encoder, collected_trunks
from sslkeras.errors import ConfigurationError, Interrupted
from sslkeras.task import Task
from sslkeras.training import data_service, pipeline, run_folder
from sslkeras.training.callbacks import (
    Clock,
    EarlyStopping,
    EpochRecord,
    Guard,
    Place,
    Saver,
    Termination,
    out_of_patience,
)
from sslkeras.training.checkpoints import Checkpoints
from sslkeras.training.history import History
from sslkeras.training.initialisation import described, initialise_from
from sslkeras.training.optimizers import (
    create_optimizer,
    default_learning_rate,
    fresh_copy,
    swap_in_averages,
)
from sslkeras.training.progress import Progress
from sslkeras.training.run import Run, build_model
from sslkeras.training.run_folder import RunFolder
from sslkeras.training.schedules import create_schedule, scaled_learning_rate
from sslkeras.training.settings import Settings
from sslkeras.training.strategies import (
    check_batch,
    create_strategy,
    describe,
    is_chief_by_environment,
    is_one_cpu,
    precision,
)
from sslkeras.training.surrogate_model import as_surrogate_model
from sslkeras.training.workers import Workers, lost


def pretrain(
    task,
    dataset,
    encoder="convnet",
    *,
    output=None,
    init_from=None,
    probes=None,
    callbacks=(),
    **settings,
):
    """Pretrains an encoder on a surrogate task.

    Args:
        task: Name, `name(key=value)`, or a `Task`.
        dataset: Name, a `Dataset`, or a `tf.data.Dataset` of dicts of features.
        encoder: Name, an `Encoder`, or a function `input_shape -> keras.Model`.
        output: Folder of the run; None keeps nothing on disk. The same call on the same
            folder resumes the run where it stood.
        init_from: Another run, or its folder, whose encoder weights this one begins with: the
            encoders of the same name where their weights have the same shapes, or else, after
            another task or on images of another size, the trunks that `encoder` built. A run on
            data or with objects of user code is given itself, as a folder cannot name them.
        probes: How the encoder is judged unless `evaluate` says otherwise, in the
            `name(key=value)` notation; None: as the task says.
        callbacks: Further `keras.callbacks.Callback` objects.
        **settings: See `sslkeras.training.settings.SETTINGS`; `epochs` or `steps` first.

    Returns:
        The `Run`, with the trained model and its encoders.

    Raises:
        ConfigurationError: If a name, argument or combination is not possible.
        DataError: If the dataset lacks what the task reads.
        RunError: If `output` holds another run or cannot be written.
        NonFiniteLossError: If the loss became NaN or infinite.
        Interrupted: If SIGTERM arrived and the run was saved, or another worker was lost.
    """
    return _Pretraining(
        task, dataset, encoder, output, init_from, probes, callbacks, settings
    ).run()


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The fit of one stage: its length in full epochs and in updates."""

    stage: object
    steps_per_epoch: int
    steps: int

    @property
    def epochs(self):
        return -(-self.steps // self.steps_per_epoch)

    def last_step(self, epoch):
        """Updates after which epoch `epoch` is complete."""
        return min(self.steps_per_epoch, self.steps - epoch * self.steps_per_epoch)


class _Pretraining:
    """One start of a run, from its configuration to its end or interruption."""

    def __init__(self, task, dataset, encoder, output, init_from, probes, callbacks, settings):
        self.settings = Settings(**settings)
        self.folder = None if output is None else RunFolder(output)
        # Before anything that might open TensorFlow's devices.
        self.strategy = self._make_strategy()
        self.task = registry.tasks.create(task) if isinstance(task, str) else task
        if not isinstance(self.task, Task):
            raise ConfigurationError(
                f"A task must be a name or an sslkeras.Task. Received: {task!r}. "
                "`sslkeras list` shows the installed ones."
            )
        self.data = as_dataset(dataset)
        self.encoder = as_encoder(encoder)
        self.init_from, self.callbacks = init_from, tuple(callbacks)
        check_batch(self.settings.batch_size, self.strategy)
        if self.settings.hogwild > 1 and not is_one_cpu(self.strategy):
            raise ConfigurationError(
                "`hogwild` is for one CPU. Received: "
                f"hogwild={self.settings.hogwild} on {describe(self.strategy)}. Use hogwild=1, or "
                "another strategy."
            )
        self.services = (
            data_service.addresses(self.settings.data_service) if self.settings.data_service else []
        )
        self.task.check(self.data.train)
        self.task.check_batch_size(self.settings.batch_size, self.strategy.num_replicas_in_sync)
        self.name = getattr(self.task, "registered_name", None) or type(self.task).__name__
        self.config = {
            "task": run_folder.describe(self.task),
            "dataset": run_folder.describe(self.data),
            "encoder": run_folder.describe(self.encoder),
            "settings": self.settings.defining(),
            "init_from": described(init_from),
            "probes": list(self.task.probes if probes is None else probes),
            "versions": run_folder.versions(),
        }
        self.place = Place()
        self.clock = Clock()
        self.termination = Termination()

    def _make_strategy(self):
        name = self.settings.strategy
        if notation.parse(name).name == "multi_worker" and self._is_finished():
            # The other workers may have ended already: nobody would answer this one.
            strategy = create_strategy("default")
            self.workers = Workers(strategy)
            self.chief = is_chief_by_environment()
            return strategy
        try:
            strategy = create_strategy(name)
        except tf.errors.OpError as error:
            raise lost(error) from error
        self.workers = Workers(strategy)
        self.chief = self.workers.chief
        return strategy

    def _is_finished(self):
        if self.folder is None or not self.folder.checkpoints.is_dir():
            return False
        position = Checkpoints(self.folder.checkpoints).latest_position()
        return position is not None and position["finished"]

    def run(self):
        """Trains to the end, or as far as it gets."""
        settings = self.settings
        keras.utils.set_random_seed(settings.seed)
        if settings.deterministic:
            tf.config.experimental.enable_op_determinism()
        try:
            with precision(settings.precision), self.termination, self.workers.needed():
                if self.folder is not None:
                    self.workers.by_chief(self._open_folder)
                return self._train()
        finally:
            if self.folder is not None:
                self.folder.close()

    def _open_folder(self):
        if self.chief:
            self.folder.open(self.config)
            self.folder.keep_tokenizer(self.data.tokenizer)

    def _train(self):
        with self.strategy.scope():
            with collected_trunks() as trunks:
                self.model = build_model(self.task, self.data, self.encoder)
            self.trunks = tuple(trunks)
            if self.init_from is not None:
                initialise_from(
                    self.init_from, self.task.encoders(self.model), self.trunks, self.encoder
                )
        plans = self._plans()
        on_disk = self.folder is not None
        self.history = History(self.folder.history if on_disk and self.chief else None)
        self.checkpoints = (
            Checkpoints(
                self.folder.checkpoints, keep=self.settings.keep_checkpoints, write=self.chief
            )
            if on_disk
            else None
        )
        self.number, position = None, None
        if on_disk:
            # Where to go on is decided once, by the process that wrote the checkpoints.
            self.number, position = self.workers.by_chief(self.checkpoints.latest)
        if position is not None:
            self.place.move_to(position)
            if self.place.finished:
                self._restore(tf.train.Checkpoint(model=self.model), partly=True)
                report.say(f"The run in {self.folder.path} is finished; nothing is left to train.")
                return self._result()
            if self.chief:
                report.say(f"Resuming at step {self.place.total} in {self.folder.path}.")
            self.history.truncate(self.place.stage_index, self.place.epoch)
        else:
            self.history.rows.clear()
            self._adapt(self.task.adapt, self.model)
        # Early stopping looks at them on every worker.
        self.history.rows = self.workers.from_chief(self.history.rows)
        total = sum(plan.steps for plan in plans)
        self.guard = Guard(
            self.place,
            self.name,
            fixed=self.settings.steps_per_execution,
            checkpoint_steps=self.settings.checkpoint_steps,
            agree=self.workers.from_chief,
        )
        names = [plan.stage.name for plan in plans]
        self.progress = Progress(
            self.place,
            names,
            total,
            waiting=None if self.settings.deterministic else lambda: self.guard.seconds_waiting,
        )
        if self.chief:
            report.say(
                f"Training {self.name} on {describe(self.strategy)}: {total} steps of "
                f"{self.settings.batch_size} examples."
            )
        began, first = time.monotonic(), self.place.total
        try:
            for index in range(self.place.stage_index, len(plans)):
                self._run_stage(plans, index, resuming=position is not None)
                position = None
        finally:
            self.progress.close()
            seconds = time.monotonic() - began
            if on_disk and self.chief:
                self.history.write()
                self.folder.add_timing(self._timing(seconds, self.place.total - first))
        self.place.finished = True
        if on_disk:
            self._export_encoders()
            # Last: from here on the run is finished, and a worker killed now is not waited for.
            self._save(tf.train.Checkpoint(model=self.model))
            with contextlib.suppress(tf.errors.OpError):
                self.workers.wait_for_all()
        return self._result()

    def _export_encoders(self):
        with contextlib.ExitStack() as stack:
            folder = self.folder.path
            if not self.chief:
                # Reading some variables takes all workers, so all must save.
                folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for name, encoder in self.task.encoders(self.model).items():
                encoder.save(folder / f"{name}.keras")

    def _plans(self):
        settings = self.settings
        stages = self.task.stages(self.model)
        size = pipeline.steps_per_epoch(
            self.task, self.data.train, settings.batch_size, settings.steps_per_epoch
        )
        open_ended = [stage for stage in stages if stage.epochs is None]
        given = settings.epochs or settings.steps
        if open_ended and not given:
            raise ConfigurationError(
                "The length of a run must be given. Received: neither `epochs` nor `steps`. Give "
                "one of them."
            )
        if given and not open_ended:
            fixed = ", ".join(f"{stage.name} {stage.epochs}" for stage in stages)
            raise ConfigurationError(
                f"Task '{self.name}' fixes the epochs of all its stages ({fixed}). Received: "
                f"epochs={settings.epochs}, steps={settings.steps}. Leave them out and set the "
                "task's own arguments."
            )
        plans = []
        for stage in stages:
            if stage.epochs is not None:
                steps = stage.epochs * size
            else:
                steps = settings.steps or settings.epochs * size
            plans.append(_Plan(stage, min(size, steps), steps))
        return plans

    def _run_stage(self, plans, index, *, resuming):
        plan, place = plans[index], self.place
        stage = plan.stage
        place.stage = stage.name
        pretext = stage.pretext or self.task.pretext
        with self.strategy.scope():
            model = as_surrogate_model(stage.model)
            self._compile(model, stage, plan, pretext)
        state = self._state(model)
        metrics = None
        if resuming:
            self._restore(state)
            if place.step:
                metrics = [metric.get_weights() for metric in model.metrics]
            self.clock.restart(place.total)
        elif stage.prepare is not None:
            self._adapt(stage.prepare)
        self._save_state = state
        if self.checkpoints is not None and not resuming:
            # The place a killed run goes back to: adapted, at the beginning of the stage.
            self._save(state)
        while place.epoch < plan.epochs and not self._patience_is_over():
            self._fit(plan, model, pretext, metrics)
            metrics = None
            (stop,) = self.workers.any(self.termination.requested)
            if stop:
                self._interrupt()
        swap_in_averages(model.optimizer, model.trainable_variables)
        place.next_stage()

    def _compile(self, model, stage, plan, pretext):
        settings = self.settings
        optimizer = create_optimizer(
            settings.optimizer,
            learning_rate=self._learning_rate(plan),
            weight_decay=settings.weight_decay,
        )
        players = list(model.players())
        on_device = settings.pretext_on == "device"
        model.compile(
            {
                name: optimizer if i == 0 else fresh_copy(optimizer)
                for i, name in enumerate(players)
            },
            loss=stage.loss or self.task.loss(),
            metrics=self.task.metrics() if stage.metrics is None else stage.metrics,
            clip_norm=settings.clip_norm,
            accumulate=settings.accumulate,
            pretext=pipeline.with_pretext(pretext) if on_device else None,
            measure_waiting=not settings.deterministic,
            hogwild=settings.hogwild,
            jit_compile=self._jit_compile(),
        )
        for name, one in model.optimizers.items():
            if hasattr(one, "build"):
                one.build(model.players()[name])

    def _learning_rate(self, plan):
        """The schedule of a stage, or None for an optimizer that needs no rate."""
        settings = self.settings
        rate = settings.learning_rate or default_learning_rate(settings.optimizer)
        if rate is None:
            if settings.schedule == "constant":
                return None
            raise ConfigurationError(
                "A schedule needs a learning rate to vary. Received: "
                f"schedule={settings.schedule!r} for optimizer={settings.optimizer!r}, which has "
                "none. Give `learning_rate`, or leave the schedule constant."
            )
        if settings.scale_learning_rate:
            rate = scaled_learning_rate(rate, settings.batch_size)
        return create_schedule(
            settings.schedule,
            learning_rate=rate,
            total_steps=plan.steps,
            steps_per_epoch=plan.steps_per_epoch,
        )

    def _jit_compile(self):
        if self.settings.xla == "auto":
            # On a CPU it made convolutional steps several times slower.
            accelerated = bool(tf.config.list_logical_devices("GPU")) or bool(
                tf.config.list_logical_devices("TPU")
            )
            return accelerated and self.task.xla
        return self.settings.xla == "on"

    def _state(self, model):
        """What a checkpoint in this stage holds."""
        return tf.train.Checkpoint(
            model=self.model,
            optimizers=model.optimizers,
            metrics=list(model.metrics),
        )

    def _fit(self, plan, model, pretext, restored_metrics):
        """Runs `fit` over the rest of a begun epoch, all full epochs, or a shorter last one."""
        settings, place = self.settings, self.place
        last_step = plan.last_step(place.epoch)
        epochs = place.epoch + 1
        if place.step == 0 and last_step == plan.steps_per_epoch:
            epochs = max(epochs, plan.steps // plan.steps_per_epoch)
        steps = last_step - place.step
        data = self._distributed(plan, pretext, epochs)
        validation = {}
        if settings.validate_every and self._has_held_out:
            validation = {
                # Not distributed here: fit() does it, and then knows where the data ends.
                "validation_data": self._held_out(pretext),
                "validation_freq": settings.validate_every,
            }
        with _without_advice_on_slow_callbacks():
            model.fit(
                data,
                initial_epoch=place.epoch,
                epochs=epochs,
                steps_per_epoch=steps,
                verbose=0,
                callbacks=self._callbacks(plan, last_step, restored_metrics),
                **validation,
            )

    def _callbacks(self, plan, last_step, restored_metrics):
        settings = self.settings
        record = EpochRecord(self.place, self.history, last_step, restored_metrics=restored_metrics)
        callbacks = [self.guard, *self._monitor(), record]
        if settings.early_stopping:
            callbacks.append(EarlyStopping(self.place, self.history, settings.early_stopping))
        if self.checkpoints is not None:
            callbacks.append(
                Saver(
                    self.place,
                    lambda: self._save(self._save_state),
                    self.termination,
                    last_step=last_step,
                    clock=self.clock,
                    seconds=settings.checkpoint_seconds,
                    steps=settings.checkpoint_steps,
                    agree=self.workers.any,
                )
            )
        if self.chief:
            callbacks.append(self.progress)
            if self.folder is not None:
                logs = self.folder.logs / (plan.stage.name or "train")
                callbacks.append(
                    keras.callbacks.TensorBoard(str(logs), write_graph=False, update_freq="epoch")
                )
        return [*callbacks, *self.callbacks]

    def _monitor(self):
        if not self.settings.monitor_every:
            return []
        from sslkeras.evaluation.monitor import Monitor

        return [Monitor(self.task, self.model, self.data, self.settings.monitor_every)]

    def _distributed(self, plan, pretext, epochs):
        """The training batches from here on, spread over replicas."""
        settings, place = self.settings, self.place

        def pipeline_of(context):
            replicas = context.num_replicas_in_sync // context.num_input_pipelines
            batches = pipeline.training_batches(
                self.task,
                self.data.train,
                settings.batch_size,
                pretext=pretext,
                pretext_on=settings.pretext_on,
                seed=settings.seed,
                epoch=place.epoch,
                step=place.step,
                steps=plan.steps_per_epoch,
                epochs=epochs,
                share=Share(context.input_pipeline_id, context.num_input_pipelines),
                stream=place.stage_index,
                replicas=replicas,
                services=self.services,
            )
            # fit() takes no more than there are. Of data that may end, the workers would tell
            # each other at every step whether there was some.
            endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            return batches.apply(endless)

        return self.strategy.distribute_datasets_from_function(pipeline_of)

    @property
    def _has_held_out(self):
        return self.data.has_test

    def _held_out(self, pretext):
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        batches = pipeline.held_out_batches(
            self.task,
            self.data.test,
            self.settings.batch_size,
            seed=self.settings.seed,
            pretext=pretext,
        )
        if batches.cardinality() < 0:
            # fit() must know where several steps in one call end. What is read tells.
            counted = tf.data.experimental.assert_cardinality(self._held_out_count)
            batches = batches.apply(counted)
        return batches.with_options(options)

    @functools.cached_property
    def _held_out_count(self):
        """Batches of held-out examples, counted by reading them, once for all stages."""
        batches = self.task.raw_batches(self.data.test, self.settings.batch_size)
        return batches.reduce(tf.constant(0, tf.int64), lambda count, _: count + 1).numpy()

    def _adapt(self, fit, *arguments):
        """Calls a task's own fitting of constants on raw float batches of one pass."""
        batches = self.task.raw_batches(self.data.train, self.settings.batch_size)
        fit(*arguments, batches.map(pipeline.as_float))
        # Each worker has fitted on all data; sums may differ in the last bit.
        self.workers.share_weights(self.model.weights)

    def _save(self, state):
        self.history.write()
        self.workers.by_all(lambda: self.checkpoints.save(state, self.place.as_dict()))

    def _restore(self, state, *, partly=False):
        number = self.number
        self.workers.by_all(lambda: self.checkpoints.restore(state, partly=partly, number=number))

    def _interrupt(self):
        if self.folder is None:
            raise Interrupted(
                "A run without `output` cannot be saved. Received: SIGTERM at step "
                f"{self.place.total}. Give `output` to be able to resume."
            )
        if self.clock.total != self.place.total:
            # It arrived after the last look at it.
            self._save(self._save_state)
        on_a_worker = " (this worker or another)" if self.workers.count > 1 else ""
        raise Interrupted(
            f"The run was to go on. Received: SIGTERM{on_a_worker}; saved at step "
            f"{self.place.total} in {self.folder.path}. Repeat the same command to resume."
        )

    def _patience_is_over(self):
        patience = self.settings.early_stopping
        return bool(patience) and out_of_patience(
            self.history.rows, self.place.stage_index, patience
        )

    def _timing(self, seconds, steps):
        return {
            "seconds": round(seconds, 3),
            "steps": steps,
            "examples_per_second": round(steps * self.settings.batch_size / max(seconds, 1e-9), 1),
            "share_waiting_for_data": None
            if self.settings.deterministic
            else round(self.guard.seconds_waiting / max(seconds, 1e-9), 4),
            "devices": describe(self.strategy),
        }

    def _result(self):
        return Run(
            config=self.config,
            task=self.task,
            data=self.data,
            encoder=self.encoder,
            model=self.model,
            trunks=self.trunks,
            history=self.history.rows,
            folder=None if self.folder is None else self.folder.path,
        )


@contextlib.contextmanager
def _without_advice_on_slow_callbacks():
    """Keras takes the writing of a checkpoint for a slow callback and says so at each start."""

    def other(record):
        return "is slow compared to the batch time" not in str(record.msg)

    logger = tf.get_logger()
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)
