"""The control of what only a caller can lose: a group's attempts in torch.hub's way, in the caller's own process.

Run as `in_one_process.py GROUP FOLDER TARGETS (as JSON) ...`; prints {attempt: None where it got through, else why not}.
"""

import json
import os
import sys

import torch  # noqa: F401  (imported once, for all)


def of_its_own(outcome):
    """What `outcome()` returns, in a process that nothing else happens in."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(outcome()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = json.load(answer)
    os.wait()
    return told


def seen_by_the_other(hubconf, name, targets):
    os.environ["OTHER"] = targets["other"]
    why = hubconf.outcomes([name], targets)[name]
    return why or (None if hubconf.is_seen(name) else "the other does not see it")


def main():
    group, folder, targets = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    sys.modules["secret_of_the_program"] = sys
    sys.path.insert(0, folder)
    import hubconf
    together, _ = hubconf.list_all()
    if group == "integrity":
        outcomes = {name: of_its_own(lambda name=name: seen_by_the_other(hubconf, name, targets)) for name in together}
    else:
        outcomes = hubconf.outcomes(together, targets)
    print(json.dumps(outcomes))


main()
