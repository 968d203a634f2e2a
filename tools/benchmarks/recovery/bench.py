"""What a worker's death costs: the time to the caller's error, and to the next right answer

usage: tools/bench recovery [--json FILE] [--rounds N]
"""

import os
import signal
import tempfile

import figures
import models
import options
import package
import participants
import report

MODELS = (("small", "16 weights"), ("large", "25.2 million weights"))
EXPLANATION = """\
A worker gets SIGKILL while it waits for a call. The caller calls: the error is there when the death was told, the answer when the model was
loaded again and its answer was compared with the one before. Beside it a load by torch.hub in this process, with its first call.
{rounds} rounds in turn; times are p50 and p99, in parentheses what single rounds gave at least and at most."""


class Model:
    """One of MODELS, in a worker and by torch.hub, and what was measured of it."""

    def __init__(self, hubcell, torch, folder, entry):
        self._hubcell, self._torch, self._folder, self._entry = hubcell, torch, folder, entry
        self._x = torch.ones(1, models.INPUTS[entry])
        torch.manual_seed(0)
        self._hub = hubcell.Hub(seed=0)
        self._net = self._hub.load(folder, entry, source="local")
        self._right = self._net(self._x)
        self.errors, self.answers, self.loads = [], [], []

    def _call_until_it_dies(self):
        try:
            self._net(self._x)
        except self._hubcell.WorkerDied:
            return
        raise participants.Failure("a worker that was killed answered")

    def _call(self):
        if not self._torch.equal(self._net(self._x), self._right):
            raise participants.Failure("the model that came back has another answer")

    def _load(self):
        self._torch.hub.load(self._folder, self._entry, source="local")(self._x)

    def measure(self):
        os.kill(self._hubcell.info(self._net)["pid"], signal.SIGKILL)
        self.errors.append([package.timed_ns(self._call_until_it_dies)])
        self.answers.append([package.timed_ns(self._call)])
        self.loads.append([package.timed_ns(self._load)])

    def close(self):
        self._hub.close()


def make_rows(measured):
    rows = []
    for entry, model in measured.items():
        for who, rounds in (("error", model.errors), ("answer", model.answers), ("torch.hub", model.loads)):
            times = figures.flatten(rounds)
            rows.append(report.row(f"recovery-{entry}", who, 4, figures.p50(times) / 1e3, figures.percentile(times, 99) / 1e3,
                                   times_torch_hub=figures.ratio(rounds, model.loads)))
    return rows


def print_rows(title, rows):
    names = {"error": "until the error", "answer": "then, until the next right answer", "torch.hub": "a load and a call by torch.hub"}
    lines = [(names[row["who"]], figures.duration_text(row["p50_us"]), figures.duration_text(row["p99_us"]),
              "{1} ({0} .. {2})".format(*map(figures.times_text, row["times_torch_hub"]))) for row in rows]
    print(f"\n{title}\n")
    for line in report.table(("", "p50", "p99", "times torch.hub"), lines):
        print(line)


def measure(hubcell, torch, rounds):
    """{entry: Model} of MODELS."""
    with tempfile.TemporaryDirectory() as folder:
        models.write_repository(folder)
        measured = {entry: Model(hubcell, torch, folder, entry) for entry, _ in MODELS}
        for _ in range(rounds):
            for model in measured.values():
                model.measure()
        for model in measured.values():
            model.close()
    return measured


def main(words):
    run = package.Run("recovery", __doc__.splitlines()[0], "deaths of each model", EXPLANATION, words)
    rows = make_rows(measure(run.hubcell, run.torch, run.rounds))
    for entry, weights in MODELS:
        print_rows(f"A {entry} model, {weights}", [row for row in rows if row["bench"] == f"recovery-{entry}"])
    run.write(rows)
    return 0


if __name__ == "__main__":
    options.run("recovery", main)
