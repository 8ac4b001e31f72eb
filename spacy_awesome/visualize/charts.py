"""Heat maps of link probabilities, and precision against recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from spacy_awesome.formats.atomic import atomic_file
from spacy_awesome.tokens.word_alignment import WordAlignment
from spacy_awesome.visualize.style import display, escape, svg, text_width

if TYPE_CHECKING:
    from spacy_awesome.evaluation.mined_pairs import MiningCurve, MiningScores

_WIDTH: Final = 880.0
_CELLS: Final = (12.0, 22.0)
_MARGIN: Final = 16.0
_SLANT: Final = 50
# Values that would be read as 0.00 are left out: most of a matrix of link probabilities.
_SMALLEST = 0.005


def heat_map(
    source_words: Sequence[str],
    target_words: Sequence[str],
    similarity: npt.ArrayLike,
    *,
    alignment: WordAlignment | None = None,
    styled: bool = True,
) -> str:
    """Draw a matrix of link probabilities as a self-contained SVG, source words down and target words across.

    similarity: (source, target) values; 0 is drawn as blank and 1 in full colour, as are values beyond them.
    alignment: links, whose cells get a frame.
    styled: False leaves the style to a page that has it.
    Returns one `<svg>` element. A cell shows its words and value on hover; values below 0.005 are left blank.
    Raises ValueError if the matrix does not fit the words or the links, or if a value is not finite.

    >>> heat_map(["a", "house"], ["una", "casa"], [[0.9, 0.0], [0.1, 0.8]]).count('class="cell"')
    3
    """
    values = np.asarray(similarity, dtype=np.float64)
    values = values.reshape(len(source_words), len(target_words)) if values.size == 0 else values
    _check(values, (len(source_words), len(target_words)), alignment)
    source_names, target_names = [display(w) for w in source_words], [display(w) for w in target_words]
    # The cells of long sentences are smaller, but never so small that the names cannot be read.
    cell = min(max(_WIDTH / max(len(target_names), 1), _CELLS[0]), _CELLS[1])
    font_size = min(13.0, 0.8 * cell)
    left = _MARGIN + 8 + max((text_width(name, font_size=font_size) for name in source_names), default=0.0)
    longest = max((text_width(name, font_size=font_size) for name in target_names), default=0.0)
    slant = np.deg2rad(_SLANT)
    top = _MARGIN + 8 + longest * float(np.sin(slant))
    # The slanted names of the last columns lean out over the right edge.
    right = left + cell * len(target_names) + longest * float(np.cos(slant)) + _MARGIN
    bottom = top + cell * len(source_names) + _MARGIN
    body = [_grid(left, top, cell, values.shape)]
    for i, name in enumerate(source_names):
        y = top + cell * (i + 0.5) + font_size * 0.35
        body.append(f'<text x="{left - 8:.1f}" y="{y:.1f}" text-anchor="end">{escape(name)}</text>')
    for j, name in enumerate(target_names):
        x, y = left + cell * (j + 0.5) + 3, top - 6
        turn = f'transform="rotate(-{_SLANT} {x:.1f} {y:.1f})"'
        body.append(f'<text x="{x:.1f}" y="{y:.1f}" {turn}>{escape(name)}</text>')
    chosen = set(alignment or ())
    shown = set(zip(*(axis.tolist() for axis in np.nonzero(values >= _SMALLEST))))
    for i, j in sorted(shown | chosen):
        title = f"{source_words[i]} — {target_words[j]}: {values[i, j]:.2f}" + (" (linked)" if (i, j) in chosen else "")
        body.append(
            _cell(left + cell * j, top + cell * i, cell, value=values[i, j], title=title, chosen=(i, j) in chosen)
        )
    return svg(body, width=right, height=bottom, name="Similarity of words", font_size=font_size, styled=styled)


def _check(values: npt.NDArray[np.float64], shape: tuple[int, int], alignment: WordAlignment | None) -> None:
    if values.shape != shape:
        raise ValueError(
            f"Expected a similarity matrix of shape {shape} (source and target words), got {values.shape}. "
            "It must hold one row for each source word and one column for each target word."
        )
    if not np.isfinite(values).all():
        raise ValueError("Expected finite similarities, got NaN or infinity.")
    if alignment is not None and (alignment.source_length, alignment.target_length) != shape:
        raise ValueError(
            f"Expected links over {shape} words, got links over {(alignment.source_length, alignment.target_length)}."
        )


def _grid(left: float, top: float, cell: float, shape: tuple[int, ...]) -> str:
    rows, columns = shape
    lines = [f"M{left:.1f},{top + cell * i:.1f}h{cell * columns:.1f}" for i in range(rows + 1)]
    lines += [f"M{left + cell * j:.1f},{top:.1f}v{cell * rows:.1f}" for j in range(columns + 1)]
    return f'<path class="grid" d="{"".join(lines)}"/>'


def _cell(x: float, y: float, cell: float, *, value: float, title: str, chosen: bool) -> str:
    opacity = min(max(value, 0.0), 1.0)
    size = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{cell - 2:.1f}" height="{cell - 2:.1f}" rx="3"'
    frame = f'<rect class="chosen" {size}/>' if chosen else ""
    return f'<g><title>{escape(title)}</title><rect class="cell" {size} fill-opacity="{opacity:.2f}"/>{frame}</g>'


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
