"""Aligners of others behind one function; their programs are stood in for where they are not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import spacy

from recipe.baselines import BASELINES, NotInstalledError, baseline_links

PAIRS = [
    (["The", "red", "house"], ["La", "casa", "roja"]),
    ([], ["Nada"]),
    (["A", "|||", "b\u00a0c"], ["x", "y", "z"]),
]

# Links each target word to the source word in the same place; with -r the first source word to all.
FAST_ALIGN = """#!{python}
import sys
for line in open(sys.argv[sys.argv.index("-i") + 1], encoding="utf-8"):
    source, target = (side.split() for side in line.split(" ||| "))
    assert source and target
    rows = [(0, j) if "-r" in sys.argv else (j, j) for j in range(min(len(source), len(target)))]
    print(" ".join(f"{{i}}-{{j}}" for i, j in rows))
"""
# Takes part of the pairs only, as GIZA++ does with pairs of very unequal length; links word for word.
GIZA = """#!{python}
import sys
from pathlib import Path
name = Path(sys.argv[0]).name
if name.startswith("plain2snt"):
    pass
elif name.startswith("snt2cooc"):
    print("1 1")
elif name == "GIZA++":
    x, y = (sys.argv[sys.argv.index(option) + 1].removesuffix(".vcb") for option in ("-S", "-T"))
    output = sys.argv[sys.argv.index("-o") + 1]
    with open(output + ".A3.final", "w", encoding="utf-8") as stream:
        for number, (source, target) in enumerate(zip(open(x, encoding="utf-8"), open(y, encoding="utf-8")), start=1):
            if number == 1:
                words = source.split()
                linked = " ".join(f"{{word}} ({{{{ {{k}} }}}})" for k, word in enumerate(words, start=1))
                stream.write(f"# Sentence pair (1) source length 3 target length 3 alignment score : 0.1\\n")
                stream.write(target + f"NULL ({{{{ }}}}) {{linked}}\\n")
"""


def install(folder: Path, script: str, *names: str) -> None:
    for name in names:
        path = folder / name
        path.write_text(script.format(python=sys.executable), encoding="utf-8")
        path.chmod(0o755)


def test_fast_align_is_run_in_both_directions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, FAST_ALIGN, "fast_align")
    monkeypatch.setenv("PATH", str(tmp_path))
    links = list(baseline_links("fast_align", PAIRS[:2], background=PAIRS[2:]))
    # The intersection 0-0, grown by neighbours from either direction, then by words without any link.
    assert [line.to_pharaoh() for line in links] == ["0-0 0-1 0-2 1-1 2-2", ""]
    assert [(line.source_length, line.target_length) for line in links] == [(3, 3), (0, 1)]


def test_giza_links_are_found_again_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, GIZA, "GIZA++", "plain2snt.out", "snt2cooc.out", "mkcls")
    monkeypatch.setenv("PATH", str(tmp_path))
    links = list(baseline_links("GIZA++", [PAIRS[1], PAIRS[0], PAIRS[2]]))
    assert [line.to_pharaoh() for line in links] == ["", "0-0 1-1 2-2", ""]


@pytest.mark.parametrize("name", ["fast_align", "GIZA++"])
def test_a_program_that_fails_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = "#!{python}\nimport sys\nsys.exit('out of memory')\n"
    install(tmp_path, failing, "fast_align", "GIZA++", "plain2snt.out", "snt2cooc.out", "mkcls")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="status 1: out of memory"):
        list(baseline_links(name, PAIRS))


@pytest.mark.parametrize("name", ["fast_align", "GIZA++"])
def test_a_program_that_is_not_there_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotInstalledError, match="not on PATH"):
        baseline_links(name, PAIRS)


def test_simalign_on_the_bundled_encoder_gives_the_links_of_our_itermax() -> None:
    pytest.importorskip("simalign")
    nlp = spacy.blank("xx")
    aligner = nlp.add_pipe(
        "word_aligner", config={"extraction": {"@misc": "spacy_awesome.itermax.v1"}, "distortion": 0.0}
    )
    pairs = [
        (["Angela", "Merkel", "visited", "Paris", "."], ["Angela", "Merkel", "visitó", "París", "."]),
        ([], ["Nada"]),
        (["The", "red", "house", "is", "old"], ["La", "casa", "roja", "es", "vieja"]),
    ]
    ours = [links.to_pharaoh() for links in aligner.align_words(pairs)]  # type: ignore[attr-defined]
    assert [links.to_pharaoh() for links in baseline_links("SimAlign", pairs)] == ours
    assert ours[1] == ""


def test_eflomal_learns_from_the_background_and_links_the_pairs() -> None:
    pytest.importorskip("eflomal")
    words = [(["house", "red"], ["casa", "roja"]), (["house"], ["casa"]), (["red"], ["roja"]), (["big"], ["grande"])]
    (links,) = baseline_links("eflomal", words[:1], background=words * 50)
    assert links.to_pharaoh() == "0-0 1-1"


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match=", ".join(BASELINES).replace("+", r"\+")):
        baseline_links("giza", PAIRS)
