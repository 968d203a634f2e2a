"""What benchmarks share that measure the Python package in their own process."""

import os
import sys
import time

import options
import participants
import report


def timed_ns(function):
    begin = time.perf_counter_ns()
    function()
    return time.perf_counter_ns() - begin


class Run:
    """One run of `tools/bench NAME`: what it measures with, and for how many rounds."""

    def __init__(self, name, summary, rounds_help, explanation, words, rounds=20):
        parser = options.Parser(name, summary)
        parser.add_argument("--rounds", metavar="N", type=options.positive, default=rounds, help=f"{rounds_help} ({rounds})")
        chosen = parser.parse(words)
        self.rounds, self._json = chosen.rounds, chosen.json
        self.hubcell, self.torch = import_package(chosen.programs)
        self._machine = report.describe_machine()
        print(f"{report.machine_text(self._machine)}\n{report.warning_text(self._machine)}{explanation.format(rounds=self.rounds)}",
              flush=True)

    def write(self, rows):
        """To --json FILE, where that was given."""
        if self._json:
            report.write_json(self._json, self._machine, rows)


def import_package(programs):
    """(hubcell, torch) of what lies beside the `programs`."""
    os.environ.setdefault("HUBCELL_LOG", "error")
    sys.path.insert(0, os.path.join(os.path.dirname(programs), "python"))
    try:
        import hubcell
        import torch
    except ImportError as missing:
        raise participants.Failure(f"{sys.executable} cannot import what is measured ({missing}); "
                                   "name another with HUBCELL_PYTHON") from None
    return hubcell, torch
