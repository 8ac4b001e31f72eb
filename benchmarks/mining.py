"""How time and memory of `mine` grow with the number of sentences; ratios against the smallest size of the same run.

    python scripts/mining_test.py $SPACY_AWESOME_DATA corpus/mining-es --language es
    python benchmarks/mining.py corpus/mining-es/test.en corpus/mining-es/test.es benchmarks/mining.json \
        --sizes 1000,2000,4000,8000 --figure benchmarks/mining.svg

Each size is mined by a command of its own, with a work folder of its own, on the first lines of both files. Times are
wall-clock and CPU seconds of the whole command, loading included; memory is the highest resident set, mapped files
included. Absolute figures depend on the machine and on what else it does; the ratios much less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_awesome.formats.files import open_output, read_lines

# Figures that grow, by their name in the JSON file.
MEASURED = {"seconds": "wall-clock time", "cpu_seconds": "CPU time", "megabytes": "memory"}


def benchmark(
    source: Annotated[Path, typer.Argument(help="`id<TAB>sentence` lines.", exists=True)],
    target: Annotated[Path, typer.Argument(help="The same in the other language.", exists=True)],
    output: Annotated[Path, typer.Argument(help="JSON file to write.")],
    sizes: Annotated[str, typer.Option(help="Numbers of lines of each side.")] = "1000,2000,4000,8000",
    figure: Annotated[Path | None, typer.Option(help="Plot to write; needs matplotlib.")] = None,
    options: Annotated[str, typer.Option(help="Further options of `mine`.")] = "",
) -> None:
    """Measure and write."""
    runs = []
    for size in sorted(int(size) for size in sizes.split(",")):
        runs.append(measure(source, target, size, options.split()))
        print(json.dumps(runs[-1]))
    for run in runs:
        run["ratios"] = {name: round(run[name] / runs[0][name], 2) for name in ("sentences", *MEASURED)}
    report = {"options": options, "processors": os.cpu_count(), "runs": runs}
    with open_output(output) as stream:
        stream.write(json.dumps(report, indent=2) + "\n")
    if figure is not None:
        plot(runs, figure)


def measure(source: Path, target: Path, size: int, options: list[str]) -> dict[str, Any]:
    """Mine the first `size` lines of both files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, part in ((source, "source"), (target, "target")):
            with open_output(folder / part) as stream:
                stream.writelines(f"{line}\n" for line in islice(read_lines(path), size))
        arguments = [folder / "source", folder / "target", folder / "pairs.tsv", "--ids", "--quiet", *options]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "spacy", "awesome", "mine", *arguments])
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"`mine` ended with status {status}.")
        seconds = time.perf_counter() - start
        pairs = sum(1 for _ in read_lines(folder / "pairs.tsv"))
    return {
        "sentences": size,
        "pairs": pairs,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "megabytes": round(used.ru_maxrss / 1024, 1),
    }


def plot(runs: list[dict[str, Any]], path: Path) -> None:
    """Draw the ratios over the number of sentences, both logarithmic, with straight and square growth to compare."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(5, 4), layout="constrained")
    axes = drawing.add_subplot(xlabel="sentences on each side", ylabel="times the smallest", xscale="log", yscale="log")
    sizes = [run["sentences"] for run in runs]
    for name, label in MEASURED.items():
        axes.plot(sizes, [run["ratios"][name] for run in runs], "o-", label=label)
    axes.plot(sizes, [size / sizes[0] for size in sizes], ":", color="gray", label="linear")
    axes.plot(sizes, [(size / sizes[0]) ** 2 for size in sizes], "--", color="gray", label="quadratic")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    drawing.savefig(path)


if __name__ == "__main__":
    typer.run(benchmark)
