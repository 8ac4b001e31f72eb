"""Drawings and pages are read back with XML and HTML parsers, as a browser would read them."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.displacy.render import DEFAULT_ENTITY_COLOR, DEFAULT_LABEL_COLORS
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer import Typer
from typer.testing import CliRunner

from spacy_awesome import Parallel, WordAlignment
from spacy_awesome.cli.render import render as render_command
from spacy_awesome.cli.reporting import ReportingGroup
from spacy_awesome.tokens.projection import Projection
from spacy_awesome.visualize import heat_map, link_diagram, render, render_terminal
from spacy_awesome.visualize.layout import bands

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def make_pair(make_doc):
    """A target Doc with its source from space-separated words, and links in Pharaoh's format."""

    def make(source, target, links=None, *, source_ents=(), target_ents=(), scores=None, projections=()):
        source_doc, doc = make_doc(source, source_ents), make_doc(target, target_ents)
        alignment = None
        if links is not None:
            sizes = {"source_length": len(source_doc), "target_length": len(doc)}
            alignment = WordAlignment.from_pharaoh(links, **sizes)
            alignment = WordAlignment(alignment.pairs, scores, sure=alignment.sure, **sizes)
        doc._.parallel = Parallel(source_doc, alignment, projections)
        return doc

    return make


def projected(source, target, label, score):
    return Projection("span_projector", "ents", *source, label, "link_f1", *target, score)


def lost(source, label, reason):
    return Projection("span_projector", "ents", *source, label, "link_f1", reason=reason)


@pytest.fixture
def merkel(make_pair):
    return make_pair(
        "Angela Merkel visited Paris on Monday",
        "Angela Merkel visitó París",
        "0-0 1-1 2-2 3p3",
        scores=[1.0, 0.9, 0.5, 0.25],
        source_ents=[(0, 2, "PERSON"), (3, 4, "GPE"), (5, 6, "DATE")],
        target_ents=[(0, 2, "PERSON")],
        projections=[
            projected((0, 2), (0, 2), "PERSON", 0.95),
            lost((3, 4), "GPE", "low_score"),
            lost((5, 6), "DATE", "unaligned"),
        ],
    )


def elements(svg, name, css_class):
    tree = ElementTree.fromstring(svg)
    return [e for e in tree.iter(SVG + name) if css_class in e.get("class", "").split()]


def title(element):
    return element.find(SVG + "title").text


def word_texts(svg):
    return ["".join(word.find(SVG + "text").itertext()) for word in elements(svg, "g", "word")]


class Page(HTMLParser):
    """Text, tags and attributes of a page; fails at tags that do not close in order."""

    VOID = ("meta", "rect", "path")

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.open, self.references = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.references += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)

    def rows(self, name):
        return sum(tag == "tr" and attributes.get("class") == name for tag, attributes in self.tags)


def test_every_link_is_one_path_with_its_words_and_score_as_title(merkel):
    assert [title(path) for path in elements(link_diagram(merkel), "path", "link")] == [
        "Paris — París: 0.25 (possible)",
        "visited — visitó: 0.50",
        "Merkel — Merkel: 0.90",
        "Angela — Angela: 1.00",
    ]


def test_stronger_links_are_more_opaque(merkel):
    opacities = [float(path.get("opacity")) for path in elements(link_diagram(merkel), "path", "link")]
    assert all(weaker < stronger for weaker, stronger in pairwise(opacities))


def test_possible_links_are_dashed(merkel):
    dashed = [path for path in elements(link_diagram(merkel), "path", "link") if path.get("stroke-dasharray")]
    assert [title(path) for path in dashed] == ["Paris — París: 0.25 (possible)"]


def test_a_word_holds_its_links_and_their_other_ends_for_hovering(make_pair):
    doc = make_pair("not yet", "noch nicht jetzt", "0-1 1-0 1-2")
    words = elements(link_diagram(doc), "g", "word")
    others = {title(word): word.find(f"{SVG}g") for word in words}
    assert len(others["yet — noch: 1.00\nyet — jetzt: 1.00"].findall(SVG + "path")) == 2
    assert len(others["not — nicht: 1.00"].findall(SVG + "rect")) == 1
    assert {group.get("visibility") for group in others.values()} == {"hidden"}


def test_words_without_a_link_say_so(merkel):
    alone = elements(link_diagram(merkel), "g", "alone")
    assert [title(word) for word in alone] == ["on: no link", "Monday: no link"]


def test_entities_have_displacy_colours_on_both_sides(merkel):
    marks = elements(link_diagram(merkel), "rect", "mark")
    assert [mark.get("fill") for mark in marks] == [DEFAULT_LABEL_COLORS["PERSON"]] * 2


def test_a_label_that_displacy_does_not_know_has_its_default_colour(make_pair):
    doc = make_pair("a", "b", "0-0", source_ents=[(0, 1, "SHIP")])
    assert elements(link_diagram(doc), "rect", "mark")[0].get("fill") == DEFAULT_ENTITY_COLOR


def test_given_colours_come_first(merkel):
    marks = elements(link_diagram(merkel, colors={"PERSON": "#123456"}), "rect", "mark")
    assert {mark.get("fill") for mark in marks} == {"#123456"}


def test_lost_spans_are_framed_and_say_why(merkel):
    tree = ElementTree.fromstring(link_diagram(merkel))
    notes = {title(group) for group in tree.iter(SVG + "g") if group.find(f"{SVG}rect[@class='lost']") is not None}
    assert notes == {"GPE: lost: low score", "DATE: lost: unaligned"}


def test_links_inside_a_projected_span_have_its_colour(merkel):
    colored = [path for path in elements(link_diagram(merkel), "path", "link") if path.get("style")]
    assert [title(path) for path in colored] == ["Merkel — Merkel: 0.90", "Angela — Angela: 1.00"]
    assert all(DEFAULT_LABEL_COLORS["PERSON"] in path.get("style") for path in colored)


def test_overlapping_spans_are_all_labelled(make_pair):
    groups = [
        Projection("span_projector", "sc", start, end, label, "link_f1", start, end, 1.0)
        for start, end, label in [(0, 3, "ORG"), (2, 3, "GPE"), (1, 3, "NP")]
    ]
    svg = link_diagram(make_pair("University of Oslo", "Universidad de Oslo", "0-0 1-1 2-2", projections=groups))
    labels = [label.text for label in elements(svg, "text", "label")]
    assert sorted(labels) == ["GPE", "GPE", "NP", "NP", "ORG", "ORG"]


def test_words_and_labels_are_escaped(make_pair):
    doc = make_pair("<b>x</b> \"&'", "</svg> <!--", "0-0", source_ents=[(0, 1, '<i>&"')])
    page = Page(render([doc], title="<script>"))
    assert word_texts(link_diagram(doc)) == ["<b>x</b>", "\"&'", "</svg>", "<!--"]
    assert not {"b", "i", "script"} & {tag for tag, _ in page.tags}


@pytest.mark.parametrize(
    ("word", "seen"), [("\n", "⏎"), ("\u00a0", "␣"), ("a\x00\x1bb", "a\ufffd\ufffdb"), ("\ufffe", "\ufffd")]
)
def test_words_that_cannot_be_seen_are_replaced(make_doc, word, seen):
    doc = Doc(Vocab(), words=[word])
    doc._.parallel = Parallel(make_doc("x"), WordAlignment([(0, 0)], source_length=1, target_length=1))
    assert word_texts(link_diagram(doc)) == ["x", seen]
    assert seen in render_terminal(doc, color=False)


@pytest.mark.parametrize("draw", [link_diagram, render_terminal])
def test_links_over_other_tokens_than_the_docs_are_refused(make_pair, draw):
    doc = make_pair("New York", "Nueva York", "0-0 1-1")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    with pytest.raises(ValueError, match="over 2 target tokens, but the Doc now has 1"):
        draw(doc)


def test_very_long_words_are_shortened(make_pair):
    doc = make_pair("x", "https://" + "a" * 500, "0-0")
    assert all(len(word) <= 32 for word in word_texts(link_diagram(doc)))


@pytest.mark.parametrize("target", ["التقى رئيس مصر", "ראש הממשלה נפגש"])
def test_right_to_left_sentences_run_from_the_right(make_pair, target):
    svg = link_diagram(make_pair("a b c", target, "0-0 1-1 2-2"))
    texts = [word.find(SVG + "text") for word in elements(svg, "g", "word")]
    middles = [float(text.get("x")) for text in texts]
    assert middles[:3] == sorted(middles[:3])
    assert middles[3:] == sorted(middles[3:], reverse=True)
    assert [text.get("direction") for text in texts] == [None] * 3 + ["rtl"] * 3


def test_long_pairs_stay_within_the_width(make_pair):
    words = " ".join(f"word{i}" for i in range(80))
    svg = link_diagram(make_pair(words, words, " ".join(f"{i}-{i}" for i in range(80))), width=600)
    tree = ElementTree.fromstring(svg)
    rows = {text.get("y") for text in tree.iter(SVG + "text")}
    assert float(tree.get("width")) <= 600
    assert len(rows) > 10
    assert len(elements(svg, "path", "link")) == 80


def test_bands_break_where_no_link_is_torn():
    # Two clauses of 4 words: links cross within each of them, never between them.
    links = np.array([(0, 2), (1, 0), (2, 1), (3, 4), (4, 7), (5, 6), (6, 5)])
    broken = bands([10] * 7, [10] * 8, links, width=50, source_cuts=[0] * 8, target_cuts=[0] * 9)
    torn = [
        (i, j)
        for i, j in links.tolist()
        if not any(b.source_start <= i < b.source_end and b.target_start <= j < b.target_end for b in broken)
    ]
    assert len(broken) == 2
    assert torn == []


@settings(max_examples=60)
@given(
    source=st.lists(st.floats(1, 80), max_size=30),
    target=st.lists(st.floats(1, 80), max_size=30),
    links=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40),
)
def test_bands_hold_every_word_once_in_order_and_fit(source, target, links):
    inside = [(i, j) for i, j in links if i < len(source) and j < len(target)]
    broken = bands(
        source,
        target,
        np.array(inside, dtype=np.int32).reshape(-1, 2),
        width=60,
        source_cuts=[0] * (len(source) + 1),
        target_cuts=[0] * (len(target) + 1),
    )
    assert [i for b in broken for i in range(b.source_start, b.source_end)] == list(range(len(source)))
    assert [j for b in broken for j in range(b.target_start, b.target_end)] == list(range(len(target)))
    for band in broken:
        assert band.source_end - band.source_start <= 1 or sum(source[band.source_start : band.source_end]) <= 60 + 1e-6
        assert band.target_end - band.target_start <= 1 or sum(target[band.target_start : band.target_end]) <= 60 + 1e-6


@pytest.mark.parametrize(("source", "target"), [("", ""), ("", "uno dos"), ("one two", "")])
def test_empty_sides_are_drawn(make_pair, source, target):
    doc = make_pair(source, target, "")
    assert word_texts(link_diagram(doc)) == f"{source} {target}".split()
    assert Page(render([doc], similarities=[np.zeros((len(source.split()), len(target.split())))])).rows("lost") == 0
    assert source in render_terminal(doc, color=False)


def test_pairs_without_links_are_drawn_and_named(make_pair):
    doc = make_pair("one", "uno", None, source_ents=[(0, 1, "CARDINAL")])
    assert elements(link_diagram(doc), "path", "link") == []
    assert "not aligned" in "".join(Page(render([doc])).texts)
    assert "not aligned" in render_terminal(doc, color=False)


@pytest.mark.parametrize("draw", [link_diagram, render_terminal, lambda doc: render([doc])])
def test_a_doc_without_a_source_is_refused(make_doc, draw):
    with pytest.raises(ValueError, match="Expected a Doc with its source, got one without: 'uno dos'"):
        draw(make_doc("uno dos"))


def test_heat_map_has_a_cell_with_words_and_value_for_each_value_that_is_not_zero():
    svg = heat_map(["a", "<b>"], ["x", "y"], [[0.9, 0.004], [0.25, 0.0]])
    titles = [title(group) for group in ElementTree.fromstring(svg).iter(SVG + "g")]
    assert titles == ["a — x: 0.90", "<b> — x: 0.25"]
    assert [float(cell.get("fill-opacity")) for cell in elements(svg, "rect", "cell")] == [0.9, 0.25]


def test_heat_map_names_both_axes():
    texts = [text.text for text in ElementTree.fromstring(heat_map(["a"], ["x", "y"], [[0, 1]])).iter(SVG + "text")]
    assert texts == ["a", "x", "y"]


def test_heat_map_frames_links_even_where_the_value_is_zero():
    links = WordAlignment([(0, 0), (1, 1)], source_length=2, target_length=2)
    svg = heat_map(["a", "b"], ["x", "y"], [[0.5, 0.5], [0.0, 0.0]], alignment=links)
    assert len(elements(svg, "rect", "chosen")) == 2
    assert "b — y: 0.00 (linked)" in [title(group) for group in ElementTree.fromstring(svg).iter(SVG + "g")]


@pytest.mark.parametrize(
    ("similarity", "message"),
    [([[1.0]], r"shape \(1, 2\) .* got \(1, 1\)"), ([[1.0, float("nan")]], "finite")],
)
def test_heat_map_refuses_a_matrix_that_does_not_fit(similarity, message):
    with pytest.raises(ValueError, match=message):
        heat_map(["a"], ["x", "y"], similarity)


def test_page_lists_projected_spans_with_score_and_lost_ones_with_reason(merkel):
    page = Page(render([merkel]))
    assert (page.rows("projected"), page.rows("lost")) == (1, 2)
    assert {"0.95", "low score", "unaligned"} <= set(page.texts)


def test_page_needs_nothing_from_elsewhere(merkel):
    html = render([merkel, merkel], similarities=[np.ones((6, 4))] * 2)
    page = Page(html)
    assert page.references == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert re.findall(r"url\(|@import", html) == []


def test_page_shows_heat_maps_in_details_only_if_matrices_are_given(merkel):
    assert [tag for tag, _ in Page(render([merkel])).tags].count("details") == 0
    assert [tag for tag, _ in Page(render([merkel], similarities=[np.ones((6, 4))])).tags].count("details") == 1


def test_page_refuses_fewer_matrices_than_docs(merkel):
    with pytest.raises(ValueError):
        render([merkel, merkel], similarities=[np.ones((6, 4))])


def test_page_without_pairs_says_so():
    assert "There are no pairs." in Page(render([])).texts


def test_terminal_shows_spans_links_scores_and_reasons(merkel):
    assert render_terminal(merkel, color=False).split("\n") == [
        "[Angela Merkel PERSON] visited [Paris GPE] on [Monday DATE]",
        "[Angela Merkel PERSON] visitó París",
        "",
        "  Angela  Merkel  visited  Paris  on  Monday",
        "  Angela  Merkel  visitó   París  ·   ·",
        "  1.00    0.90    0.50     0.25",
        "",
        "  PERSON  Angela Merkel → Angela Merkel 0.95",
        "  GPE  Paris ✕ lost: low score",
        "  DATE  Monday ✕ lost: unaligned",
    ]


def test_terminal_without_colour_has_no_escape_sequences(merkel):
    assert "\x1b" in render_terminal(merkel)
    assert "\x1b" not in render_terminal(merkel, color=False)


def test_terminal_columns_of_wide_characters_line_up(make_pair):
    lines = render_terminal(make_pair("Paris fell", "巴黎 陷落", "0-0 1-1"), color=False).split("\n")
    assert lines[3:6] == ["  Paris  fell", "  巴黎   陷落", "  1.00   1.00"]


def test_terminal_breaks_columns_at_the_width(make_pair):
    words = " ".join(["word"] * 12)
    block = render_terminal(make_pair(words, words, " ".join(f"{i}-{i}" for i in range(12))), color=False, width=30)
    block = block.split("\n")[3:]
    assert all(len(line) <= 30 for line in block)
    assert sum(line.count("word") for line in block) == 24


@pytest.fixture
def command():
    app = Typer(cls=ReportingGroup)
    app.command("render")(render_command)
    app.callback()(lambda: None)
    return lambda *arguments: CliRunner().invoke(app, ["render", *map(str, arguments)])


def test_command_renders_text_with_given_links(command, tmp_path):
    (tmp_path / "pairs.txt").write_text("A red house ||| Una casa roja\nOne ||| Uno\n")
    (tmp_path / "links.txt").write_text("1-1 2-3 3p2\n1-1\n")
    result = command(
        tmp_path / "pairs.txt", tmp_path / "page.html", "--links", tmp_path / "links.txt", "--base", 1, "--no-heatmap"
    )
    titles = Page((tmp_path / "page.html").read_text()).texts
    assert result.exit_code == 0
    assert {"A — Una: 1.00", "red — roja: 1.00", "house — casa: 1.00 (possible)", "One — Uno: 1.00"} <= set(titles)


def test_command_aligns_text_and_shows_the_similarity_of_words(command, tiny_bert, tmp_path):
    (tmp_path / "pairs.txt").write_text("Angela Merkel ||| Angela Merkel\n\n")
    result = command(tmp_path / "pairs.txt", tmp_path / "page.html", "--model", tiny_bert, "--layer", 2)
    page = Page((tmp_path / "page.html").read_text())
    assert result.exit_code == 0
    assert any(text.startswith("Merkel — Merkel: ") for text in page.texts)
    assert [tag for tag, _ in page.tags].count("details") == 2


def test_command_renders_paired_docs_in_the_terminal(command, merkel, tmp_path):
    DocBin(docs=[merkel], store_user_data=True).to_disk(tmp_path / "pairs.spacy")
    result = command(tmp_path / "pairs.spacy", "--terminal")
    assert result.exit_code == 0
    assert result.stdout.split("\n\n", 1) == ["Pair 1", render_terminal(merkel, color=False) + "\n\n\n"]


def test_command_shows_the_first_pairs_and_says_that_there_are_more(command, merkel, tmp_path):
    DocBin(docs=[merkel, merkel, merkel], store_user_data=True).to_disk(tmp_path / "pairs.spacy")
    result = command(tmp_path / "pairs.spacy", tmp_path / "page.html", "--no-heatmap", "--limit", 2)
    assert Page((tmp_path / "page.html").read_text()).rows("projected") == 2
    assert "--limit 0" in result.stderr


def test_command_names_file_and_line_of_a_bad_link_and_writes_nothing(command, tmp_path):
    (tmp_path / "pairs.txt").write_text("One ||| Uno\nTwo ||| Dos\n")
    (tmp_path / "links.txt").write_text("0-0\n0-7\n")
    result = command(tmp_path / "pairs.txt", tmp_path / "page.html", "--links", tmp_path / "links.txt", "--no-heatmap")
    assert result.exit_code == 1
    assert f"{tmp_path / 'links.txt'}:2" in result.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--terminal; one of the two"),
        (("page.html", "--terminal"), "--terminal; one of the two"),
        (("--terminal", "--heatmap"), "leave them out with --terminal"),
    ],
)
def test_command_refuses_options_that_do_not_go_together(command, arguments, message, tmp_path):
    (tmp_path / "pairs.txt").write_text("One ||| Uno\n")
    result = command(tmp_path / "pairs.txt", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
