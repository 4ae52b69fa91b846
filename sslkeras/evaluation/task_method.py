"""What probes ask of a task beside its encoder: optional methods, looked up by name."""

from sslkeras.errors import ConfigurationError


def task_method(subject, probe, signature):
    """The method of the subject's task that a probe calls.

    Args:
        subject: The `Subject`.
        probe: Name of the probe, for the message.
        signature: How the method is called and what it returns, e.g.
            `"word_vectors(model) -> (words, matrix)"`; its name comes before the bracket.

    Raises:
        ConfigurationError: If the subject has no task or the task lacks the method.
    """
    method = getattr(subject.task, signature.partition("(")[0], None)
    if method is None:
        task = subject.task
        name = None if task is None else getattr(task, "registered_name", type(task).__name__)
        raise ConfigurationError(
            f"The probe '{probe}' needs a task with the method `{signature}`. Received: "
            f"{'no task' if name is None else f'the task {name!r}, which lacks it'}. Leave this "
            "probe out, or give the task that method (docs/probes.md says what it returns)."
        )
    return method
