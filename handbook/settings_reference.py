"""Writes docs/settings.md: every setting, as the settings classes say it.

python -m handbook.settings_reference [--out docs/settings.md]

Name, type, range and default are the class's own; what a setting does is the class's docstring. So nothing is said
twice, and what is missing in a docstring is an error here.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handbook.markdown import anchor, table
from handbook.setting_classes import BELOW, Group, Setting, groups, yaml_text
from ratchet.components.data_gate.settings import MINIMUM_EFFECT, WIDE_EFFECT, DataGateSettings
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS, Augmentation
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_config, preset_names
from ratchet.schemas.data.features import FEATURE_TITLES, SOURCE_PREFIX

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
MADE_BY = "<!-- written by `make settings-doc` from the settings classes; change their docstrings instead -->"
PRESETS = preset_names().split(", ")
_NOWHERE = object()


def preset_rows(settings: Sequence[Setting]) -> list[tuple[str, ...]]:
    """Of settings that a configuration which comes along changes: the default, and the value of each configuration."""
    presets = [load_config(name) for name in PRESETS]
    rows = []
    for each in settings:
        values = [_value_of(preset, each.key) for preset in presets]
        texts = [f"`{yaml_text(value)}`" for value in values if value is not _NOWHERE]
        if texts and set(texts) != {each.default} and each.default != BELOW:
            rows.append((f"`{each.key}`", each.default, *texts))
    return rows


def _value_of(settings: Any, key: str) -> Any:
    """The value of a setting; `_NOWHERE` in a group that is not there, as of a name that a user chooses."""
    for name in key.split("."):
        settings = getattr(settings, name, _NOWHERE)
    return settings


def prose(text: str) -> str:
    """A docstring's words as Markdown: `None` is YAML's null, a page of docs/ is a link."""
    linked = re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", text)
    return re.sub(r"\bNone\b", "`null`", linked)


def page() -> str:
    """The whole document."""
    every = groups(PipelineSettings)
    parts = [MADE_BY, _INTRODUCTION.format(count=sum(len(group.settings) for group in every)), _contents(every)]
    for number, group in enumerate(every):
        is_again = group.about in [each.about for each in every[:number]]
        parts += [f"## {group.key or 'At the top'}", _sentence(group.told if is_again else group.about)]
        rows = [(f"`{each.key}`", _cell(each.type), each.default, _sentence(each.what)) for each in group.settings]
        parts.append(table(("setting", "type and range", "default", "what it is"), rows))
        if changed := preset_rows(group.settings):
            parts += ["The configurations that come along say:", table(("setting", "default", *PRESETS), changed)]
        parts += _TABLES_OF.get(group.key, lambda: [])()
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """# Settings

All {count} settings, as a configuration (YAML) or `--set a.b=value` gives them. A configuration names what differs
from the defaults:

```yaml
name: plates
training:
  batch_size: 8
  retrain: {{epochs: 10}}
```

```
ratchet run --data my-data --config plates.yaml --set evaluator.margin=0.005
```

An unknown key, a wrong type and an impossible value are errors that name the key and what is allowed, before anything
starts. `null` is YAML's word for nothing; in a key, `NAME` is a class, slice or step of yours, and `[]` an item of a
list.

Three configurations come along, and are named without a path: `--config digits` (the demo's), `mobile` (photographs, a
CPU) and `retinanet_resnetfpn_coco` (large data sets, accelerators). What they say otherwise than the defaults stands
below each group. The first run of a root without `--config` proposes one from data and machine:
[training.md](training.md#proposed-settings). Which configuration a run uses, and what a root remembers of it:
[command-line.md](command-line.md#ratchet-run)."""


def _contents(every: Sequence[Group]) -> str:
    rows = [(f"[{each.key}](#{anchor(each.key)})", _sentence(each.told)) for each in every[1:]]
    return table(("group", "what it is"), rows)


def _sentence(text: str) -> str:
    words = prose(text[:1].upper() + text[1:])
    return _cell(words if words.endswith(".") else f"{words}.")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _effects() -> list[str]:
    settings = DataGateSettings()
    rows = []
    for feature, title in {**FEATURE_TITLES, "embedding": "the backbone's embedding"}.items():
        minimum, wide = MINIMUM_EFFECT.get(feature), WIDE_EFFECT.get(feature)
        if minimum is not None:
            rows.append((f"`{feature}`", title, yaml_text(minimum), "none" if wide is None else yaml_text(wide)))
    source = settings.minimum_effect_of(f"{SOURCE_PREFIX}camera")
    rows.append((f"`{SOURCE_PREFIX}NAME`", "an attribute of images", yaml_text(source), "none"))
    page = "[data-gate.md](data-gate.md#drift-and-skew)"
    told = f"Effect sizes, in the unit of each feature ({page}); no other feature stops a run:"
    return [told, table(("feature", "what", "`minimum_effect`", "`wide_effect`"), rows)]


def _augmentations() -> list[str]:
    rows = [(f"`{name}`", _augmentation_words(each)) for name, each in AUGMENTATIONS.items()]
    return ["The policies of `augmentation`:", table(("policy", "what happens to a training image"), rows)]


def _augmentation_words(policy: Augmentation) -> str:
    words = ["mirrored, every second one"] if policy.horizontal_flip else []
    if policy.random_scale:
        words.append(f"scaled by {policy.scale_min} to {policy.scale_max}, and cropped where it no longer fits")
    if light := policy.light:
        words.append(f"brightness times {light.brightness_min} to {light.brightness_max}")
        words.append(f"contrast times {light.contrast_min} to {light.contrast_max}")
    if chosen := policy.rand_augment:
        words.append(
            f"RandAugment: {chosen.layers} of {len(chosen.operations)} operations, magnitude {chosen.magnitude:g}"
        )
    return "; ".join(words) or "nothing"


_TABLES_OF = {"": _augmentations, "data_gate": _effects}


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE, help="the page")
    parser.parse_args(arguments).out.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
