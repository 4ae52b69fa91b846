"""Runs recipes over seeds, judges the encoders, and writes docs/benchmarks.md.

    python benchmarks/proofs.py
    python benchmarks/proofs.py --recipes='plugins/*/recipes/autoencoder_*.flags' --seeds=5
    python benchmarks/proofs.py --data=FOLDER       # holds data/fashion_mnist.npz and the like

A recipe is an absl flagfile of `sslkeras train`, plugins/FAMILY/recipes/TASK_DATA.flags,
whose --probes say how its encoder is judged. Each is trained once for each seed; the
encoder is compared with as many random initialisations and with the raw input. What was
found goes into docs/benchmarks.json; docs/benchmarks.md between its two marks and the last
lines of the recipe's comment are made from it. A recipe whose data is not there keeps its
earlier figures. Interrupted runs go on when the same command is repeated.
"""

import glob
import json
import os
import pathlib
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags  # noqa: E402

import sslkeras  # noqa: E402
from sslkeras.commands import flags as training_flags  # noqa: E402
from sslkeras.errors import DataError  # noqa: E402
from sslkeras.training.files import write_atomically  # noqa: E402
from sslkeras.training.run_folder import RunFolder, versions  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- proofs: begin -->", "<!-- proofs: end -->"
MEASURED = "# Measured: "
# Recipes of different tasks on the same data, shown in one table.
SIDE_BY_SIDE = {
    "Fashion-MNIST": (
        "moco_fashion_mnist",
        "denoising_autoencoder_conv_fashion_mnist",
        "jigsaw_fashion_mnist",
    ),
    "CIFAR-10, 4,194 images": (
        "moco_cifar10",
        "denoising_autoencoder_cifar10",
        "jigsaw_cifar10",
    ),
}
SIDE_BY_SIDE_METRICS = ("top-1, 100 labels", "top-1, 1000 labels")

flags.DEFINE_string("recipes", "plugins/*/recipes/*.flags", "Which recipes, as a glob.")
flags.DEFINE_integer("seeds", 3, "Trainings of each recipe, with seeds 0, 1, ...", lower_bound=1)
flags.DEFINE_string("runs", "runs/proofs", "Folder for the run folders.")
flags.DEFINE_string("data", ".", "Folder that paths in recipes are relative to.")
FLAGS = flags.FLAGS


def recipe_arguments(path):
    """The arguments of `sslkeras.pretrain` that a recipe stands for."""
    values = flags.FlagValues()
    training_flags.define(flag_values=values)
    values(["proofs", f"--flagfile={path}"])
    return training_flags.arguments(flag_values=values)


def prove(path, runs):
    """Trains and judges one recipe over all seeds."""
    arguments = recipe_arguments(path)
    folders, results = [], []
    for seed in range(FLAGS.seeds):
        folder = runs / path.stem / f"seed{seed}"
        run = sslkeras.pretrain(**{**arguments, "seed": seed, "output": folder})
        # The baselines are the same for each trained encoder: judged once.
        results.append(
            sslkeras.evaluate(run, seeds=FLAGS.seeds, baselines=seed == 0, pictures=False)
        )
        folders.append(folder)
    print(results[0])
    return {
        "recipe": str(path.relative_to(ROOT)),
        "about": about(path),
        "seeds": FLAGS.seeds,
        "seconds": round(
            statistics.fmean(
                sum(entry["seconds"] for entry in RunFolder(folder).timing()) for folder in folders
            ),
            1,
        ),
        "surrogate": {
            name: summary([result.surrogate[name] for result in results])
            for name in results[0].surrogate
        },
        "probes": [judged(i, results) for i in range(len(results[0].probes))],
        "versions": versions(),
    }


def judged(index, results):
    """One probe: metric to contender to mean and deviation over trainings or inits."""
    first = results[0].probes[index]
    metrics = {}
    for contender in first.runs:
        if contender == "pretrained":
            each = [result.probes[index].metrics(contender) for result in results]
            for name in each[0]:
                metrics.setdefault(name, {})[contender] = summary([one[name] for one in each])
        else:
            for name, (mean, deviation, _) in first.summary(contender).items():
                metrics.setdefault(name, {})[contender] = [mean, deviation]
    return {
        "protocol": first.protocol,
        "dataset": first.dataset,
        "train": first.train_size,
        "test": first.test_size,
        "metrics": metrics,
    }


def summary(values):
    """[mean, sample deviation or None]."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return [statistics.fmean(values), deviation]


def about(path):
    """The recipe's comment without what was measured."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    return " ".join(line[1:].strip() for line in lines if not line.startswith(MEASURED))


def cell(value):
    """A mean with its deviation, as text."""
    if value is None:
        return ""
    mean, deviation = value
    digits = 2 if abs(mean) >= 10 else 4
    text = f"{mean:.{digits}f}"
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"


def section(proof):
    """A recipe's part of docs/benchmarks.md."""
    name = pathlib.Path(proof["recipe"]).stem
    lines = [
        f"### {name}",
        "",
        proof["about"],
        "",
        f"`python benchmarks/proofs.py --recipes={proof['recipe']} --seeds={proof['seeds']}`; "
        f"training {proof['seconds']:.0f} s a seed. Held out: "
        + ", ".join(f"{k} {cell(v)}" for k, v in proof["surrogate"].items())
        + ".",
        "",
        "| probe | metric | pretrained | random init | raw input |",
        "| --- | --- | --- | --- | --- |",
    ]
    for probe in proof["probes"]:
        for metric, values in shown(probe):
            cells = [cell(values.get(c)) for c in ("pretrained", "random init", "raw input")]
            lines.append(f"| {probe['protocol']} | {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def side_by_side(proofs):
    """Tasks on the same data in one table, each beside its own encoder untrained."""
    lines = [
        "### Tasks side by side",
        "",
        "The linear probe on few labels, 5 choices of them; the trunk untrained in brackets. A "
        "task reads images of its own size, so the trunk untrained is not the same figure for all.",
        "",
        "| data | recipe | 100 labels | 1000 labels | training |",
        "| --- | --- | --- | --- | --- |",
    ]
    for data, names in SIDE_BY_SIDE.items():
        proved = {name: proofs[name] for name in names if name in proofs}
        for name, proof in proved.items():
            metrics = proof["probes"][0]["metrics"]
            cells = [
                f"{cell(metrics[m]['pretrained'])} ({cell(metrics[m]['random init'])})"
                for m in SIDE_BY_SIDE_METRICS
            ]
            lines.append(f"| {data} | {name} | {' | '.join(cells)} | {proof['seconds']:.0f} s |")
        if proved:
            metrics = next(iter(proved.values()))["probes"][0]["metrics"]
            cells = [cell(metrics[m]["raw input"]) for m in SIDE_BY_SIDE_METRICS]
            lines.append(f"| {data} | pixels | {' | '.join(cells)} | |")
    return "\n".join(lines)


def shown(probe):
    """Metrics that a reader sees; the others, in the JSON, would only repeat top-1."""
    metrics = probe["metrics"].items()
    return [item for item in metrics if not item[0].startswith(("per class", "top-5"))]


def write_down(proofs):
    """Writes the JSON, the page and the recipes' comments."""
    # Metrics stay in the order of their probe, whose first one is the headline.
    text = json.dumps(dict(sorted(proofs.items())), indent=1) + "\n"
    write_atomically(ROOT / "docs" / "benchmarks.json", text)
    page = ROOT / "docs" / "benchmarks.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [side_by_side(proofs), *(section(proofs[name]) for name in sorted(proofs))]
    body = "\n\n".join(parts)
    write_atomically(page, f"{before}{BEGIN}\n\n{body}\n\n{END}{after}")
    for proof in proofs.values():
        path = ROOT / proof["recipe"]
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if not line.startswith(MEASURED)]
            comments = sum(1 for line in kept if line[:1] == "#")
            kept.insert(comments, MEASURED + measured(proof))
            write_atomically(path, "\n".join(kept) + "\n")


def measured(proof):
    """One line for the recipe: how long it took and what it reached."""
    probe = proof["probes"][0]
    metric, values = shown(probe)[0]
    reached = ", ".join(f"{contender} {cell(value)}" for contender, value in values.items())
    return (
        f"{proof['seconds']:.0f} s on 2 cores, {proof['seeds']} seeds; {probe['protocol']} "
        f"{metric}: {reached}."
    )


def main(_):
    runs = pathlib.Path(FLAGS.runs).resolve()
    paths = [pathlib.Path(p) for p in sorted(glob.glob(str(ROOT / FLAGS.recipes)))]
    if not paths:
        raise app.UsageError(f"No recipe matches {FLAGS.recipes!r} under {ROOT}.")
    os.chdir(FLAGS.data)
    record = ROOT / "docs" / "benchmarks.json"
    for path in paths:
        print(f"\n{path.stem}")
        try:
            proof = prove(path, runs)
        except DataError as error:
            print(f"left out, earlier figures are kept: {error}")
            continue
        # Read only now: another process may have proved other recipes meanwhile.
        proofs = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        write_down({**proofs, path.stem: proof})


if __name__ == "__main__":
    app.run(main)
