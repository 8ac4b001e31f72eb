"""`python -m benchmarks [NAME ...]`: measure, print tables, and keep them in `benchmarks/results`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import transformers

from benchmarks import inference, memory, projection, reuse, startup, training

BENCHMARKS: dict[str, Callable[[argparse.Namespace], None]] = {
    "startup": lambda options: startup.run(repeats=options.repeats, document=options.document),
    "projection": lambda options: projection.run(repeats=options.repeats, document=options.document),
    "inference": lambda options: inference.run(
        pairs=options.pairs, repeats=options.repeats, encoders=options.encoders, document=options.document
    ),
    "reuse": lambda options: reuse.run(
        pairs=options.pairs, repeats=options.repeats, encoders=options.encoders, document=options.document
    ),
    "training": lambda options: training.run(
        pairs=options.pairs, repeats=options.repeats, encoders=options.encoders, document=options.document
    ),
    "memory": lambda options: memory.run(lines=options.lines, document=options.document),
    "reader": lambda options: memory.run_reader(lines=options.lines, document=options.document),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(BENCHMARKS)}; by default all")
    parser.add_argument(
        "--pairs",
        type=int,
        default=128,
        help="pairs for BERT-base; the bundled encoder gets 4 times as many, in training 8 times",
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds of which the median is taken")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the large file in `memory` and `reader`")
    parser.add_argument(
        "--encoders", nargs="*", default=["bundled", "BERT-base"], help="encoders for inference, reuse and training"
    )
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; expected some of: {', '.join(BENCHMARKS)}")
    # Both report what they load, on purpose cut or without a head.
    transformers.logging.set_verbosity_error()
    for name in options.names or BENCHMARKS:
        BENCHMARKS[name](options)


if __name__ == "__main__":
    main()
