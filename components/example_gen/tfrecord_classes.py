"""Which class a TFRecord's object has: by `class/text`, by `class/label`, or by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.example_gen.class_lists import PbtxtItem, label_map_of
from schemas.base.checked_json import MAX_ID, shown
from schemas.base.errors import DataError
from schemas.data.records import LabelMap

Found = tuple[int | None, str | None, str]  # label, text, place


@dataclass(frozen=True)
class Classes:
    """The classes that are known before the records are read.

    Attributes:
        label_map: them; None if only the records name them.
        texts: label 1..K by every name that a text may have.
        ids_count: whether `class/label` is the label map's category id; otherwise only texts count where there are
            any.
        source: where they come from, for messages.
    """

    label_map: LabelMap | None = None
    texts: tuple[tuple[str, int], ...] = ()
    ids_count: bool = True
    source: str = "the records"

    @classmethod
    def of_items(cls, items: Sequence[PbtxtItem], source: str) -> Classes:
        """Those of a label_map.pbtxt; a text may be a name or a display name."""
        label_map = LabelMap(tuple(item.display_name for item in items), tuple(item.id for item in items))
        texts = [(name, label) for label, item in enumerate(items, 1) for name in (item.display_name, item.name)]
        return cls(label_map, tuple(texts), True, source)

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Classes:
        """Those of a curated list, in label order."""
        label_map = label_map_of(names, "the schema's classes")
        return cls(
            label_map, tuple((name, label) for label, name in enumerate(names, 1)), False, "the schema's classes"
        )

    def resolve(self, found: list[Found], source: str) -> tuple[LabelMap, list[int]]:
        """Finds the class of each object.

        Args:
            found: label, text and place of each; at least one object.
            source: what was read, for messages.

        Returns:
            The label map, and the label 1..K of each object.

        Raises:
            DataError: a class is unknown or has two names, or only numbers are given.
        """
        _check_pairs(found)
        known = self if self.label_map else Classes._found(found, source)
        assert known.label_map is not None
        by_text = dict(known.texts)
        by_id = {category_id: label for label, category_id in enumerate(known.label_map.category_ids, 1)}
        return known.label_map, [known._label(each, by_text, by_id) for each in found]

    @staticmethod
    def _found(found: list[Found], source: str) -> Classes:
        texts = {text for _, text, _ in found if text is not None}
        unnamed = next((place for _, text, place in found if text is None), None)
        if unnamed is not None:
            raise DataError(
                f"{unnamed}: class/label without class/text, and no label map; put a label_map.pbtxt into {source}"
            )
        if all(label is not None for label, _, _ in found):
            pairs = sorted({(label or 0, text or "") for label, text, _ in found})
            return Classes.of_items([PbtxtItem(label, text, text) for label, text in pairs], "the records")
        return Classes.of_names(sorted(texts))

    def _label(self, found: Found, by_text: dict[str, int], by_id: dict[int, int]) -> int:
        number, text, place = found
        label = by_text.get(text) if text is not None else None
        if text is not None and label is None:
            raise DataError(
                f"{place}: class {shown(text)} is not in {self.source}, which has {shown(list(by_text))}; correct it "
                "or add the class there"
            )
        if number is None or (label is not None and not self.ids_count):
            return label or 0
        if by_id.get(number) is None or label not in (None, by_id[number]):
            named = f" of {shown(text)}" if text is not None else ""
            raise DataError(
                f"{place}: class/label {number}{named} is not as in {self.source}, whose classes have the numbers "
                f"{shown(list(by_id))}; correct one of them"
            )
        return by_id[number]


def _check_pairs(found: list[Found]) -> None:
    """A number must always have the same name, and a name the same number."""
    texts: dict[int, str] = {}
    labels: dict[str, int] = {}
    for label, text, place in found:
        if label is not None and not 0 <= label <= MAX_ID:
            raise DataError(f"{place}: class/label {label} must be an integer, 0..{MAX_ID}; correct it")
        if label is None or text is None:
            continue
        if texts.setdefault(label, text) != text or labels.setdefault(text, label) != label:
            other = texts[label] if texts[label] != text else labels[text]
            raise DataError(
                f"{place}: class/label {label} goes with class/text {shown(text)} here, and elsewhere with "
                f"{shown(other)}; give each class one number and one name"
            )
