"""Options that several commands share, declared once."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from spacy_awesome.encoders.encoder import SubwordEncoder
    from spacy_awesome.pipeline.word_aligner import WordAligner

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else; figures are per cent.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary.")]
EncoderFolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder to write; it must not exist yet, unless --force is given.")
]
HalfOption = Annotated[bool, typer.Option("--half", help="Write the weights in half precision (float16).")]
FileSizeOption = Annotated[
    str, typer.Option(metavar="SIZE", help="Spread the weights over files of at most this size, such as 16MB.")
]
ReplaceOption = Annotated[bool, typer.Option("--force", help="Replace the folder's encoder; other files in it stay.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="The encoder: `bundled`, a local folder or a Hugging Face name such as bert-base-multilingual-cased; "
        "or the folder of a spaCy pipeline that has a word_aligner.  [default: bundled]",
    ),
]
LayerOption = Annotated[
    int | None, typer.Option(help="Layer whose vectors are compared (mBERT: 8).  [default: the encoder's own]")
]
BatchTokensOption = Annotated[
    int | None, typer.Option(min=1, help="Subwords that are encoded at once: lower it if memory runs out.")
]
PrecisionOption = Annotated[
    str | None, typer.Option(help="Number format of the encoder: float32, bfloat16, float16 or int8.")
]


@dataclass(frozen=True)
class AlignerOptions:
    """The options of `word_aligner`; None leaves the component's or the encoder's own default."""

    model: ModelOption = None
    layer: LayerOption = None
    extraction: Annotated[
        str | None,
        typer.Option(
            help="From similarities to links: softmax, entmax, optimal_transport, argmax, itermax or mwmf.  "
            "[default: softmax]"
        ),
    ] = None
    alpha: Annotated[
        float | None,
        typer.Option(
            help="Of --extraction entmax: 1 is softmax, 2 sparsemax; greater values give fewer links.  [default: 1.5]"
        ),
    ] = None
    cost: Annotated[
        str | None,
        typer.Option(help="Of --extraction optimal_transport: cosine, dot or euclidean.  [default: cosine]"),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(help="Links are kept where their probability is above it.  [default: the encoder's own]"),
    ] = None
    distortion: Annotated[
        float | None,
        typer.Option(help="Cost of linking words at different relative positions.  [default: the encoder's own]"),
    ] = None
    symmetrization: Annotated[
        str | None,
        typer.Option(
            help="Joining both directions: intersection, union, forward, backward, grow-diag, grow-diag-final or "
            "grow-diag-final-and.  [default: intersection]"
        ),
    ] = None
    batch_tokens: BatchTokensOption = None
    precision: PrecisionOption = None

    @property
    def given(self) -> list[str]:
        """The options that are not left at their defaults, as they are written on the command line."""
        return [f"--{name.replace('_', '-')}" for name in _given(dataclasses.asdict(self))]

    def load(self) -> WordAligner:
        """The word aligner that these options describe.

        Raises ValueError or OSError at an unknown model, layer, extraction or other value.
        """
        import spacy

        if self.model is not None and (Path(self.model) / "config.cfg").is_file():
            return _from_pipeline(self)
        component: Any = spacy.blank("xx").add_pipe("word_aligner", config=self._config())
        return _loaded(component)

    def _config(self) -> dict[str, Any]:
        encoder = {
            "name": self.model,
            "layer": self.layer,
            "max_batch_tokens": self.batch_tokens,
            "precision": self.precision,
        }
        config: dict[str, Any] = _given(
            {"threshold": self.threshold, "distortion": self.distortion, "symmetrization": self.symmetrization}
        )
        if _given(encoder):
            config["model"] = {"@architectures": "spacy_awesome.HFEncoder.v1"} | _given(encoder)
        if self.extraction is not None or self.alpha is not None or self.cost is not None:
            options = _given({"alpha": self.alpha, "cost": self.cost})
            config["extraction"] = _extraction(self.extraction or "softmax", options)
        return config


@dataclass(frozen=True)
class EncoderOptions:
    """The options of commands that compare whole sentences; None leaves the encoder's own default."""

    model: ModelOption = None
    layer: LayerOption = None
    batch_tokens: BatchTokensOption = None
    precision: PrecisionOption = None

    def batch_size(self) -> dict[str, int]:
        """`max_tokens`, if it was given."""
        return {} if self.batch_tokens is None else {"max_tokens": self.batch_tokens}

    def load(self) -> SubwordEncoder:
        """The encoder that these options describe. Raises ValueError or OSError at an unknown model or layer."""
        return AlignerOptions(model=self.model, layer=self.layer, precision=self.precision).load().aligner.encoder


def with_options(**groups: type[Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command the fields of dataclasses as options of its own; it takes each as one keyword argument.

    groups: parameter of the command, and the dataclass that it takes; its fields are annotated as typer wants them.
    """

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        signature = inspect.signature(command, eval_str=True)
        options = {name: list(_parameters(group)) for name, group in groups.items()}
        parameters = [parameter for parameter in signature.parameters.values() if parameter.name not in groups]
        parameters += [parameter for group in options.values() for parameter in group]

        def run(**values: Any) -> T:
            for name, group in groups.items():
                values[name] = group(**{parameter.name: values.pop(parameter.name) for parameter in options[name]})
            return command(**values)

        # typer reads both; functools.wraps would show it the command's own signature instead.
        run.__doc__ = command.__doc__
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def progress(items: Iterable[T], *, quiet: bool, unit: str = " pairs") -> Iterator[T]:
    """The items, counted by a bar on standard error where that is a terminal."""
    from tqdm import tqdm

    return iter(tqdm(items, unit=unit, disable=True if quiet else None, mininterval=0.5))


def chunk_progress(*, quiet: bool) -> Any:
    """Bars on standard error, where that is a terminal, for the steps of what works in chunks."""
    from tqdm import tqdm

    def shown(items: Iterable[T], description: str, total: int) -> Iterable[T]:
        bar: Iterable[T] = tqdm(items, desc=description, total=total, unit=" chunks", disable=True if quiet else None)
        return bar

    return shown


def _parameters(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for option in dataclasses.fields(group):
        yield inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _extraction(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """An extraction method as a configuration has it. Raises ValueError at an option that the method does not have."""
    from spacy_awesome.extraction import extraction_methods, find_extraction

    registered, method = find_extraction(name)
    for option in options:
        if option not in _settings(method):
            others = sorted(other for other, kind in extraction_methods().items() if option in _settings(kind))
            raise ValueError(f"{name} has no --{option}; it is an option of --extraction {' or '.join(others)}.")
    return {"@extractions": registered, **options}


def _settings(method: type[Any]) -> list[str]:
    return list(inspect.signature(method).parameters)


def _loaded(component: WordAligner) -> WordAligner:
    # Without a network, the hub's client reports each of its attempts; the error that ends them says it all.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    # The first use of `aligner` loads the encoder: its errors come here, before any input is read.
    component.aligner  # noqa: B018
    return component


def _from_pipeline(options: AlignerOptions) -> WordAligner:
    import spacy

    changed = [option for option in options.given if option != "--model"]
    if changed:
        raise ValueError(
            f"{options.model} is a spaCy pipeline: its config.cfg says how it aligns. "
            f"Leave out {changed[0]}, or change it there."
        )
    nlp = spacy.load(str(options.model))
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == "word_aligner":
            component: Any = nlp.get_pipe(name)
            return _loaded(component)
    raise ValueError(f"{options.model} is a spaCy pipeline without a word_aligner; it has {', '.join(nlp.pipe_names)}.")
