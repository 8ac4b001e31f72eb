"""Pages, drawings and reports of hostile names, labels and words hold nothing that a browser would run."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import spacy
from cli_runner import run
from markdown_it import MarkdownIt
from spacy.tokens import Doc, Span

from recipe.card import write_card
from spacy_awesome import Parallel, WordAlignment
from spacy_awesome.encoders.loading import DEFAULTS_KEY
from spacy_awesome.formats.docbin import write_docs
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.transfer.corpus_report import CorpusReport, DroppedSentence
from spacy_awesome.transfer.filters import FilterSettings
from spacy_awesome.visualize import heat_map, link_diagram, render

SCRIPTS = Path(__file__).parents[2] / "scripts"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "http://example.org",
    "`</code><script>alert(1)</script>`",
    "a|b\n\n<iframe src=javascript:alert(1)>",
    "-->]]><svg onload=alert(1)>",
    "</style></title><script>alert(1)</script>",
    "\\<script>",
    "&lt;script&gt;&#60;b&#62;",
    "$\\frac{$",
    "{title}%s",
    "\x1b[31m\x00\u202e",
]
TAGS = set(
    """html head meta title style body main h1 h2 h3 p article div span table tbody thead tr td th mark sub bdi details
    summary svg g path rect text a ul li defs use clippath metadata rdf:rdf cc:work dc:type dc:format dc:creator
    cc:agent dc:title blockquote hr strong em img code pre ol""".split()
)


class Checker(HTMLParser):
    """Reads a page as a browser does, and notes what does not belong there."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or not re.fullmatch(r"[a-z:-]+\d?", name):
                self.wrong.append(f"{tag} {name}={value}")
            if name in ("href", "src", "xlink:href") and not re.fullmatch(r"[\w.%~-]*(#[\w-]+)?(\.html)?", value or ""):
                self.wrong.append(f"{tag} {name}={value}")


def check(page: str) -> Counter[str]:
    """Raise AssertionError at anything that text has brought into a page; the tags that are there."""
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.wrong
    return checker.tags


def check_markdown(text: str) -> Counter[str]:
    """The same after the Markdown, with the HTML in it, has become a page."""
    # As GitHub and others do it: with tables, with HTML as it stands.
    return check(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


@pytest.fixture(params=range(len(HOSTILE)))
def text(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


def hostile_doc(text: str) -> Doc:
    source, doc = (Doc(spacy.blank("xx").vocab, words=[text, "x", text]) for _ in range(2))
    for side in (source, doc):
        side.ents = [Span(side, 0, 1, label=text)]
    links = WordAlignment([(0, 0), (2, 1)], [0.5, 1.0], source_length=3, target_length=3)
    doc._.parallel = Parallel(
        source,
        links,
        [
            Projection(text, "ents", 0, 1, text, text, 0, 1, 0.9),
            Projection(text, text, 2, 3, text, text, None, None, 0.0, text),
        ],
    )
    return doc


def test_pages_and_drawings(text: str) -> None:
    doc = hostile_doc(text)
    plain = check(render([hostile_doc("x")], title="x", similarities=[[[0.5] * 3] * 3]))
    assert check(render([doc], title=text, similarities=[[[0.5] * 3] * 3])) == plain
    check(link_diagram(doc))
    check(heat_map([text, "x"], ["x", text], [[0.1, 0.2], [0.3, 0.4]]))


def test_the_command_that_draws(text: str, tmp_path: Path) -> None:
    with (tmp_path / "a.spacy").open("wb") as stream:
        write_docs(stream, [hostile_doc(text)])
    run("render", tmp_path / "a.spacy", tmp_path / "page.html", "--title", text.replace("\0", ""), "--no-heatmap")
    check((tmp_path / "page.html").read_text(encoding="utf-8"))


def corpus_report(text: str) -> CorpusReport:
    report = CorpusReport(FilterSettings())
    report.sentences = 2
    report.drop(DroppedSentence(text, text, ("low_score",)))
    for counts in (report.source_spans, report.kept_spans, report.lost_spans, report.unlabelled_spans):
        counts[text] += 1
    return report


def test_the_report_of_a_corpus(text: str) -> None:
    page = corpus_report(text).to_markdown()
    assert check_markdown(page) == check_markdown(corpus_report("x").to_markdown())


def test_the_card_of_an_encoder(text: str, tmp_path: Path) -> None:
    folder = tmp_path / re.sub(r"[/\0]", "", text)
    folder.mkdir()
    names = "num_hidden_layers hidden_size num_attention_heads intermediate_size vocab_size max_position_embeddings"
    defaults = {"layer": 1, "scale": 1.0, "distortion": 0.0, "threshold": 0.1}
    config = dict.fromkeys(names.split(), 1) | {"model_type": text, DEFAULTS_KEY: defaults}
    (folder / "config.json").write_text(json.dumps(config))
    card = write_card(folder, figures={text: 1.0}, kept={text: 1.0}).read_text(encoding="utf-8")
    check_markdown(card.split("---", 2)[2])
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": text}))
    with pytest.raises(ValueError, match="expected hidden_size to be a number"):
        write_card(folder, figures={}, kept={})


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    before = set(sys.modules)
    sys.path.insert(0, str(SCRIPTS / "conll"))
    names = ("report.py", "conll/report.py", "conll/errors_page.py")
    yield {name: load_script(SCRIPTS / name) for name in names}
    sys.path.remove(str(SCRIPTS / "conll"))
    for name in set(sys.modules) - before:
        if (SCRIPTS / "conll" / f"{name}.py").exists():
            del sys.modules[name]


def test_the_report_of_the_main_job(text: str, tmp_path: Path, scripts: dict[str, ModuleType]) -> None:
    pytest.importorskip("matplotlib")
    # File names hold everything but these.
    name = re.sub(r"[/\0]", "", text)
    (tmp_path / "projected").mkdir()
    with (tmp_path / "projected" / f"en-{name}.spacy").open("wb") as stream:
        write_docs(stream, [hostile_doc(text)])
    everything = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    figures = {text: {text: {"entities": {"all": everything}, "lost": {text: 1}}}}
    (tmp_path / "scores.json").write_text(json.dumps(figures))
    scripts["report.py"].report(tmp_path / "scores.json", tmp_path / "projected", tmp_path / "out")
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()}
    assert len(pages) == 4
    for file, page in pages.items():
        tags = (check_markdown if file.endswith(".md") else check)(page)
        if file.startswith("report"):
            assert (tags["a"], tags["li"], tags["tr"]) == (1, 1, 2)


def test_the_tables_of_the_conll_workflow(text: str, scripts: dict[str, ModuleType]) -> None:
    report = scripts["conll/report.py"]
    rows: list[dict[str, Any]] = [{"set": text, "english": "tagged", "aligner": text, "missing": text}]
    check_markdown("\n".join(report.table(rows)))
    scores = {"ents_p": 1.0, "ents_r": 1.0, "ents_f": 1.0, "ents_per_type": {text: {"f": 1.0}}}
    check_markdown(report.recogniser_line(scores))


def test_the_page_of_errors(text: str, scripts: dict[str, ModuleType]) -> None:
    from spacy_awesome.formats.conll import LabelledSentence, LabelledSpan

    errors = scripts["conll/errors_page.py"]
    gold = LabelledSentence((text, "x", text), (LabelledSpan(2, 3, text),))
    check(errors.errors_page([errors.sentence_errors(hostile_doc(text), gold)], title=text))


def test_a_terminal_is_given_no_commands() -> None:
    from spacy_awesome.cli.reporting import text_table

    assert "\x1b]0;" not in text_table([("\x1b]0;title\x07", 1)], header=("Label", "Spans"))
