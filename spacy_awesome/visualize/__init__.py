"""Looking at a pair: link diagrams and heat maps as SVG, pages of pairs as HTML, and a view for the terminal."""

from spacy_awesome.visualize.charts import heat_map
from spacy_awesome.visualize.diagram import link_diagram
from spacy_awesome.visualize.page import render
from spacy_awesome.visualize.terminal import render_terminal

__all__ = ["heat_map", "link_diagram", "render", "render_terminal"]
