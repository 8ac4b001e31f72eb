"""Step 2: LibreOffice's help (MPL-2.0), paragraph by paragraph in English and other languages.

Parallel text of the data folder has no Danish, Slovenian, Hungarian or Estonian, and little but short sentences in
German. The help comes in many languages, from Debian's packages, and each of its paragraphs has a number.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated

import typer

from spacy_awesome.formats.files import open_output

CORPUS = "libreoffice-help"
# Served languages, and the names that Debian has for them. There is no help in Romanian or Bulgarian.
PACKAGES = {
    **{code: code for code in ("es", "de", "fr", "it", "nl", "pt", "cs", "ru", "ja", "hi", "da", "sl", "hu", "et")},
    "zh": "zh-cn",
}
_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6")
# Shorter ones are names of menus.
_LEAST_WORDS = 3


def main(
    output: Annotated[Path, typer.Argument(help="Folder to write en-es.tsv.gz and so on.")],
    packages: Annotated[
        Path | None, typer.Option(help="Folder of libreoffice-help-*.deb; by default they are downloaded.")
    ] = None,
) -> None:
    """Write lines of corpus, English and translation. Needs `dpkg-deb`, and `apt-get` where nothing was downloaded."""
    for program in ("dpkg-deb", *(() if packages else ("apt-get",))):
        if shutil.which(program) is None:
            raise ValueError(
                f"Expected the program {program}: this step takes LibreOffice's help from Debian's packages."
            )
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if packages is None:
            packages = work
            names = [f"libreoffice-help-{code}" for code in ("en-us", *PACKAGES.values())]
            subprocess.run(["apt-get", "download", *names], cwd=work, check=True)
        english = paragraphs(packages, "en-us", work)
        for language, code in PACKAGES.items():
            other = paragraphs(packages, code, work)
            # Some paragraphs are not translated.
            pairs = {(text, other[key]) for key, text in english.items() if other.get(key, text) != text}
            kept = sorted(pair for pair in pairs if pair[0].count(" ") >= _LEAST_WORDS - 1)
            with open_output(output / f"en-{language}.tsv.gz") as stream:
                stream.writelines(f"{CORPUS}\t{source}\t{target}\n" for source, target in kept)
            typer.echo(f"en-{language}: {len(kept)} paragraphs")


def paragraphs(packages: Path, code: str, work: Path) -> dict[tuple[str, str], str]:
    """The text of each paragraph of a language's package, by its page and its number on it."""
    found = list(packages.glob(f"libreoffice-help-{code}_*.deb"))
    if not found:
        raise ValueError(f"{packages}: expected a package libreoffice-help-{code}_….deb.")
    folder = work / code
    subprocess.run(["dpkg-deb", "-x", str(found[0]), str(folder)], check=True)
    # The folder's name is the language's, in capitals of its own.
    (pages,) = (folder / "usr" / "share" / "libreoffice" / "help").glob("*/text")
    return {
        (page.relative_to(pages).as_posix(), number): text
        for page in sorted(pages.rglob("*.html"))
        for number, text in read_page(page.read_text(encoding="utf-8"))
    }


def read_page(html: str) -> Iterator[tuple[str, str]]:
    """Number and text of each paragraph and heading that has a number.

    >>> list(read_page('<p id="par_1">Opens the <b>dialog</b>.</p><p>No number</p>'))
    [('par_1', 'Opens the dialog.')]
    """
    parser = _Page()
    parser.feed(html)
    parser.close()
    yield from parser.found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._number: str | None = None
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._number, self._parts = dict(attrs).get("id"), []

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = " ".join("".join(self._parts).split())
        if tag in _BLOCKS and self._number and text:
            self.found.append((self._number, text))
            self._number = None


if __name__ == "__main__":
    typer.run(main)
