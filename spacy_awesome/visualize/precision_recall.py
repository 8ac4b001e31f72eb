"""Precision and recall of mined pairs as a figure; needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spacy_awesome.formats.atomic import atomic_file

if TYPE_CHECKING:
    from spacy_awesome.evaluation.mining import MiningCurve, MiningScores


def save_precision_recall(path: Path, curves: Mapping[str, MiningCurve], *, marked: MiningScores | None = None) -> None:
    """Draw precision over recall as the threshold falls, in the format of the file's ending (.svg, .png, .pdf).

    curves: by the name that the legend shows. marked: where on the curves a threshold lies.
    Raises ValueError if matplotlib is not installed, or can't write such a file.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("A figure needs matplotlib: pip install 'spacy-awesome[plots]'.") from error
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    for name, curve in curves.items():
        axes.plot(curve.recall, curve.precision, label=name)
    if marked is not None:
        axes.plot(marked.recall, marked.precision, "o", color="black", label=f"threshold (F1 {100 * marked.f1:.1f})")
    axes.grid(alpha=0.3)
    axes.legend()
    endings = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in endings:
        raise ValueError(f"{path}: expected a figure's ending, such as .svg, .png or .pdf, got {path.suffix!r}.")
    with atomic_file(path) as stream:
        figure.savefig(stream, format=path.suffix[1:].lower())
