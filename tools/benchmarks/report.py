"""How benchmarks show what they found: a table for people, rows of JSON for scripts, and the machine that it holds for."""

import json
import os
import platform

BUSY_LOAD_PER_CORE = 0.4


def describe_machine():
    import torch

    return {"cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "python": platform.python_version(), "torch": torch.__version__, "torch_threads": torch.get_num_threads(),
            "load_before": round(os.getloadavg()[0], 2)}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return models[0] if models else platform.machine()


def machine_text(machine):
    return (f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, "
            f"torch {machine['torch']} with {machine['torch_threads']} thread{'s' * (machine['torch_threads'] != 1)}")


def warning_text(machine):
    """A line where others use the machine, else nothing."""
    if machine["load_before"] < BUSY_LOAD_PER_CORE * machine["cores"]:
        return ""
    return (f"BUSY: the load was {machine['load_before']} before this began; "
            "what needs two CPUs at once, and every p99, shows that.\n")


def table(head, lines):
    """Lines of text: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    for line in (head, *lines):
        first, *others = (cell.ljust(width) if not index else cell.rjust(width)
                          for index, (cell, width) in enumerate(zip(line, widths)))
        yield "  ".join(("  " + first, *others)).rstrip()


def row(bench, who, size_bytes, p50_us, p99_us, goal_us=None, **more):
    """One row of the JSON. A goal is a bound of p50_us."""
    return {"bench": bench, "who": who, "bytes": size_bytes, "p50_us": p50_us, "p99_us": p99_us, "goal": goal_us,
            "missed": goal_us is not None and p50_us > goal_us, **more}


def write_json(path, machine, rows, **more):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": rows, **more}, file, indent=1)
        file.write("\n")
