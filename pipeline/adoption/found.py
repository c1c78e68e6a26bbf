"""What was found out about an adopted model, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.data.training_plan import TrainingPlan

OWN = "ratchet"  # the kind of a model that Ratchet trained


@dataclass(frozen=True)
class Lack:
    """Something that a model which Ratchet trained has, and this one has not.

    Attributes:
        what: is missing.
        off: what is switched off by that, in a sentence.
    """

    what: str
    off: str


@dataclass(frozen=True)
class Found:
    """A model that could be served.

    Attributes:
        kind: of `Adoption`, or OWN.
        taken: how it is called, in words; empty of a model of ours.
        source: the SavedModel as it was given.
        class_names: of its labels 1..K.
        proof: in a sentence, what shows that boxes and classes mean what they are taken for.
        odd: what looks odd about its classes, a sentence each.
        plan: how it was trained, as a configuration of its toolkit says; None where none was given.
        kept: its own signatures in the served model.
    """

    kind: str
    taken: str
    source: str
    class_names: tuple[str, ...]
    proof: str
    odd: tuple[str, ...]
    plan: TrainingPlan | None
    kept: tuple[str, ...]

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What it lacks; of a model that Ratchet trained, what stays in the root that trained it."""
        if self.kind == OWN:
            return (_ELSEWHERE,)
        return (*_LACKS, _NO_WEIGHTS, *(() if self.plan else (_NO_PLAN,)))


_LACKS = (
    Lack("statistics of its training data", "the data gate does not look for drift of images, boxes and classes"),
    Lack("embeddings (signature `embed`)", "the data gate does not look for images that its training had none like"),
    Lack("fingerprints of its training images", "nobody can tell whether it was trained on golden images"),
    Lack("its training data", "nothing of them is replayed when a candidate is trained"),
)
_ELSEWHERE = Lack(
    "its training images in this root",
    "nothing of them is replayed: give --set training.retrain.replay=0, or copy them from the root that trained it",
)
_NO_WEIGHTS = Lack(
    "weights that could be trained on",
    "the first candidate is trained from training.init_checkpoint, or from random weights, and has to be no worse",
)
_NO_PLAN = Lack(
    "a plan of its training (--pipeline-config)",
    "learning rate and augmentation of the first candidate are compared with nothing",
)
