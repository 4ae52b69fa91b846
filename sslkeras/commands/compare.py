"""sslkeras compare: ranks runs by a metric, and sets them side by side on one page.

sslkeras compare runs/first runs/second
sslkeras compare runs/first runs/second --metric='linear top-1' --report=compared.html
"""

from absl import flags

from sslkeras.hyperparameters import Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    Setting(
        "metric",
        None,
        Optional(Text("a probe and its metric, e.g. linear top-1")),
        "By which to rank. None: the first metric of a probe that all runs have.",
    ),
    Setting(
        "report",
        None,
        Optional(Text("an HTML file")),
        "Where to write a page with the runs side by side. None: no page.",
    ),
)


def main(rest):
    from sslkeras.evaluation.compare import compare
    from sslkeras.evaluation.report_page import write_report

    print(compare(rest, metric=flags.FLAGS.metric))
    if flags.FLAGS.report:
        print(f"\nReport: {write_report(rest, flags.FLAGS.report)}")
