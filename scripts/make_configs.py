"""Write the configurations of the paper's settings (Dou & Neubig 2021), each from configs/finetune.cfg.

    python scripts/make_configs.py

spaCy's configurations cannot include each other, so each file is whole; what sets it apart stands in SETTINGS here. To
change something for all of them, change configs/finetune.cfg and run this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thinc.api import Config

from spacy_awesome.formats.files import open_output

CONFIGS = Path(__file__).parent.parent / "configs"
BASE = "finetune.cfg"

# Eq. 2–5 with β = 0, which the paper calls "All".
_ALL = {"self_training": 1.0, "masked_lm": 1.0, "translation_lm": 1.0, "parallel_identification": 1.0}
_LONG_RUN = {
    "components.word_aligner.model.precision": "mixed",
    "training.max_steps": 20000,
    "training.eval_frequency": 500,
    "training.patience": 5000,
    "training.optimizer.learn_rate.warmup_steps": 1000,
}
_SEVERAL_PAIRS = {"corpora.train.cap": 200000, "training.max_steps": 40000}


@dataclass(frozen=True)
class Setting:
    """How a configuration differs from the base.

    about: what it is, in lines of the file's heading.
    objectives: their weights; the others are 0.
    options: other values, by dotted name.
    command: what `spacy train` needs besides development pairs and their links.
    """

    about: str
    objectives: dict[str, float]
    options: dict[str, Any] = field(default_factory=dict)
    command: str = "--paths.train FOLDER"


def _without(objective: str) -> dict[str, float]:
    return _ALL | {objective: 0.0}


def _ablation(row: str, objective: str) -> Setting:
    about = (
        f'"{row}" of Table 12. FOLDER has a file for each pair of languages, of which at most 200,000 pairs are drawn\n'
        "in each epoch (multilingual); or give one file (bilingual)."
    )
    return Setting(about, _without(objective), _SEVERAL_PAIRS)


_FOLDER = "FOLDER has a file for each pair of languages, of which at most 200,000 pairs are drawn in each epoch."

SETTINGS: dict[str, Setting] = {
    "bilingual.cfg": Setting("All objectives on one pair of languages.", _ALL, command="--paths.train PAIRS"),
    "multilingual.cfg": Setting(
        f"All objectives on several pairs of languages, β = 0.\n{_FOLDER}", _ALL, _SEVERAL_PAIRS
    ),
    "multilingual_consistency.cfg": Setting(
        f"All objectives on several pairs of languages, with the consistency objective: β = 1.\n{_FOLDER}",
        _ALL | {"consistency": 1.0},
        _SEVERAL_PAIRS,
    ),
    "zero_shot.cfg": Setting(
        "All objectives on all pairs of languages but one, which is the one to be tested on: FILE, by its name in\n"
        f"FOLDER. {_FOLDER}",
        _ALL,
        _SEVERAL_PAIRS | {"paths.left_out": None, "corpora.train.leave_out": "${paths.left_out}"},
        "--paths.train FOLDER --paths.left_out FILE",
    ),
    "supervised.cfg": Setting(
        "Given links are the A of self-training (eq. 4, section 3.4); they may also be the third column of a TSV file.",
        {"self_training": 1.0},
        command="--paths.train PAIRS --paths.train_links LINKS",
    ),
    "semi_supervised.cfg": Setting(
        "All objectives on pairs of which some have links (section 3.4), which are then the A of self-training.\n"
        "FOLDER has a TSV file for each pair of languages, with links in the third column where there are some.",
        _ALL,
        _SEVERAL_PAIRS,
    ),
    "ablation_mlm.cfg": _ablation("All w/o MLM", "masked_lm"),
    "ablation_tlm.cfg": _ablation("All w/o TLM", "translation_lm"),
    "ablation_so.cfg": _ablation("All w/o SO", "self_training"),
    "ablation_psi.cfg": _ablation("All w/o PSI", "parallel_identification"),
}


def render(name: str) -> str:
    """The text of one of the configurations in SETTINGS."""
    setting = SETTINGS[name]
    config = Config().from_disk(CONFIGS / BASE, interpolate=False)
    objectives = config["components"]["word_aligner"]["objectives"]
    objectives.update({objective: setting.objectives.get(objective, 0.0) for objective in objectives})
    for place, value in (_LONG_RUN | setting.options).items():
        *sections, option = place.split(".")
        section: Any = config
        for part in sections:
            section = section[part]
        section[option] = value
    heading = [
        *setting.about.splitlines(),
        f"  python -m spacy train configs/{name} --output OUT {setting.command} \\",
        "    --paths.dev DEV --paths.dev_links LINKS --paths.encoder bert-base-multilingual-cased",
        f"{BASE} tells what else may be changed. Written by scripts/make_configs.py.",
    ]
    return "".join(f"# {line}\n" for line in heading) + "\n" + config.to_str(interpolate=False) + "\n"


if __name__ == "__main__":
    for name in SETTINGS:
        with open_output(CONFIGS / name) as stream:
            stream.write(render(name))
