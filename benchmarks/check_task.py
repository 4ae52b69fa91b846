"""What `sslkeras.testing.check_task` costs for each bundled task, and which checks take it.

    python benchmarks/check_task.py
    python benchmarks/check_task.py --only=moco,jigsaw

Runs all checks on every configuration in `plugins/*/tests/test_*contract.py`, as pytest does.
Printed are processor seconds of all threads, to which other work on the machine does not add,
and seconds on the clock. Imports come before. Exit status 1 if a configuration takes longer
than `--limit` processor seconds or breaks its contract, or if an installed task has none.
"""

import collections
import importlib.util
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging  # noqa: E402

flags.DEFINE_list("only", [], "Names of tasks; all if empty.")
flags.DEFINE_float("limit", 40.0, "Processor seconds that a configuration may take.")
FLAGS = flags.FLAGS

ROOT = pathlib.Path(__file__).resolve().parent.parent


def subjects():
    """Each `Subject` of the contract tests, once."""
    sys.path.insert(0, str(ROOT))
    for path in sorted(ROOT.glob("plugins/*/tests/test_*contract.py")):
        spec = importlib.util.spec_from_file_location(
            f"{path.parent.parent.name}_{path.stem}", path
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        (mark,) = module.test_contract.pytestmark
        found = (case.values[0].args[1] for case in mark.args[1])
        yield from dict.fromkeys(found)


def measure(subject, spent):
    """Processor seconds and seconds of all checks; adds those of each to `spent`."""
    from sslkeras.testing import CHECKS, NotApplicableError, run_check

    own, began = collections.Counter(), time.perf_counter()
    for name in CHECKS:
        before = time.process_time()
        try:
            run_check(name, subject)
        except NotApplicableError:
            pass
        own[name] = time.process_time() - before
    spent.update(own)
    return own, time.perf_counter() - began


def main(_):
    from sslkeras.registry import tasks
    from sslkeras.training.strategies import make_logical_cpus

    make_logical_cpus(2)
    logging.set_verbosity(logging.ERROR)
    wanted = set(FLAGS.only or tasks.names())
    spent, slow, seen = collections.Counter(), [], set()
    print("processor s  clock s  largest check", flush=True)
    for subject in subjects():
        if subject.name not in wanted:
            continue
        seen.add(subject.name)
        own, clock = measure(subject, spent)
        total = own.total()
        ((largest, most),) = own.most_common(1)
        print(f"{total:11.1f}  {clock:7.1f}  {largest} {most / total:.0%}: {subject}", flush=True)
        if total > FLAGS.limit:
            slow.append(str(subject))
    print("\nshare of all processor seconds")
    for name, seconds in spent.most_common():
        print(f"{seconds / spent.total():6.1%}  {name}")
    wrong = [f"above {FLAGS.limit:g} s: {name}" for name in slow]
    wrong += [f"no contract test: {name}" for name in sorted(wanted - seen)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    app.run(main)
