"""Runs all cases on one of the two, in this process.

usage: run_cases.py torch.hub|hubcell FOLDER STANDIN_URL OUTCOMES.json
"""

import importlib
import io
import json
import os
import sys
import time
import traceback

import cases_arguments  # noqa: F401
import cases_downloads  # noqa: F401
import cases_errors  # noqa: F401
import cases_folders  # noqa: F401
import cases_isolation  # noqa: F401
import cases_names  # noqa: F401
import cases_trust  # noqa: F401
import github_standin
from case import CASES, Case


def outcome_of(name, hub, root):
    """{"error": text or None, "differs": reasons, "seconds": number}"""
    one, error, start = Case(name, hub, root), None, time.monotonic()
    try:
        one.run_case()
    except Exception:  # noqa: B902 - a failed case is an outcome
        error = traceback.format_exc()
    return {"error": error, "differs": one.reasons, "seconds": round(time.monotonic() - start, 2)}


def main(which, root, standin_url, outcomes_file):
    import torch
    hub = importlib.import_module(which)
    if which == "torch.hub":
        github_standin.redirect(torch.hub, standin_url)
    sys.stdin = io.StringIO()
    chosen = os.environ.get("CONFORMANCE_ONLY", "").split() or CASES
    outcomes = {name: outcome_of(name, hub, root) for name in chosen}
    with open(outcomes_file, "w", encoding="utf-8") as file:
        json.dump({"python": sys.version.split()[0], "torch": torch.__version__, "outcomes": outcomes}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
