"""Small review contents, any part of which a test can replace."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from ratchet.components.pages.overlay import WRONG, Box, Layer
from ratchet.components.review.confusion import Confusion
from ratchet.components.review.content import (
    OVERALL,
    ChangedBox,
    ClassCurves,
    Curves,
    ErrorAnalysis,
    ErrorTypeCost,
    ErrorTypesFound,
    GalleryImage,
    Lineage,
    ModelErrors,
    Point,
    ReviewContent,
    SliceErrors,
)
from ratchet.schemas.artifacts.data_evidence import DataPictures, Picture, View
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    AUGMENTATION,
    FORGETTING,
    NOTHING,
    OVERFITTING,
    UNKNOWN,
    Cause,
    CauseFinding,
    CauseState,
    Diagnosis,
    DiagnosisState,
    Role,
    Signal,
)
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    COCO_NAMES,
    DataSetEvaluation,
    Delta,
    Deltas,
    Evaluation,
    ModelScores,
    Serving,
    ServingFigures,
    Support,
)
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from tests.builders import dataset_info, recorded_decision, training_record
from tests.components.data_gate.page.content import comparison

RUN = "span-2-0123abcd-1"


def delta(value: float, half: float = 0.02) -> Delta:
    """A difference with a symmetric interval."""
    return Delta(value, value - half, value + half, half / 2)


def scores(ap: float, classes: dict[str, float], slices: dict[str, float] | None = None) -> ModelScores:
    """All COCO figures alike."""
    return ModelScores(dict.fromkeys(COCO_NAMES, ap), classes, slices or {"object_size=small": ap})


def data_set(candidate: float = 0.5, baseline: float | None = 0.7, **fields: Any) -> DataSetEvaluation:
    """Cats and dogs; the dogs changed most."""
    change = None if baseline is None else candidate - baseline
    whole: dict[str, Any] = {
        "images": 100,
        "candidate": scores(candidate, {"cat": candidate + 0.1, "dog": candidate - 0.1}),
        "baseline": None if baseline is None else scores(baseline, {"cat": baseline + 0.05, "dog": baseline - 0.05}),
        "deltas": None
        if change is None
        else Deltas(
            delta(change),
            {"cat": delta(change + 0.05), "dog": delta(change - 0.05)},
            {"object_size=small": delta(change)},
        ),
        "class_support": {"cat": Support(120, 80), "dog": Support(60, 40)},
        "slice_support": {"object_size=small": Support(180, 100)},
    }
    return DataSetEvaluation(**whole | fields)


def reason(rule: str = "map_drop", passed: bool = False, **fields: Any) -> Reason:
    """A rule of which the texts do not matter."""
    whole: dict[str, Any] = {"expected": "at least 0.7000", "actual": "0.5000 (-0.2000)"}
    return Reason(rule, passed=passed, **whole | fields)


def evaluation(*reasons: Reason, verdict: Verdict = Verdict.BLOCKED, **data_sets: DataSetEvaluation) -> Evaluation:
    """What the evaluator measured and decided."""
    golden = {"golden": data_set()} if "golden" not in data_sets else {}
    serving = Serving(ServingFigures(30.04, 2_400_000), ServingFigures(20.0, 2_000_000))
    return Evaluation(Decision(verdict, reasons), golden | data_sets, "golden-digest", serving=serving)


def jpeg(size: tuple[int, int] = (64, 48), colour: str = "teal") -> bytes:
    """An image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def layers_of(text: str = "") -> tuple[Layer, ...]:
    """A dog that only the baseline finds, and a cat that the candidate invents, with a faint detection below."""
    cat, dog = text or "cat", text or "dog"
    return (
        Layer(
            "truth",
            "ground truth",
            (
                Box((50, 60, 200, 150), cat, found={BASELINE: None, CANDIDATE: None}, lost=(BASELINE, CANDIDATE)),
                Box((350, 200, 120, 160), dog, found={BASELINE: 0.9, CANDIDATE: 0.15}, lost=(CANDIDATE,)),
            ),
        ),
        Layer("baseline", "baseline", (Box((355, 205, 118, 158), f"{dog} 90%", text, score=0.9),)),
        Layer(
            "candidate",
            "candidate",
            (
                Box((352, 202, 118, 158), f"{dog} 15%", text, score=0.15, sure=False),
                Box((20, 20, 90, 90), f"{cat} 80%", "nothing labelled there", WRONG, score=0.8),
            ),
        ),
    )


def changed_boxes(names: tuple[str, ...] = ("dog", "cat")) -> tuple[ChangedBox, ...]:
    """A lost dog or an invented cat for every name."""
    kinds = {"dog": "lost", "cat": "invented"}
    box = Box((350, 200, 120, 160), "box")
    layer = Layer("truth", "ground truth", (box,))
    return tuple(ChangedBox(kinds.get(name, "lost"), name, f"{name}: missed", (layer,)) for name in names)


def gallery_image(place: int = 0, **fields: Any) -> GalleryImage:
    """An image whose dog the candidate misses."""
    whole: dict[str, Any] = {
        "file_name": f"{place:06}.jpg",
        "size_px": (640, 480),
        "jpeg": jpeg(),
        "layers": layers_of(),
        "errors": {BASELINE: ModelErrors(0.5, 0.0), CANDIDATE: ModelErrors(1.5 + place % 3, 1.0)},
        "words": {BASELINE: "1 missed", CANDIDATE: "1 missed; 1 read as dog; 1 false"},
        "change": "1 lost; 1 new and false",
        "changed": changed_boxes(("dog", "cat") if place % 2 == 0 else ("cat",)),
        "slices": ("camera: north",) if place < 3 else ("camera: south",),
    }
    return GalleryImage(**whole | fields)


def curve(name: str = OVERALL, highs: dict[str, float] | None = None) -> ClassCurves:
    """The candidate below the baseline."""
    highs = highs or {BASELINE: 0.9, CANDIDATE: 0.6}
    return ClassCurves(
        name,
        {(model, iou): tuple([high] * 60 + [0.0] * 41) for model, high in highs.items() for iou in (0.5, 0.75)},
        {model: tuple(high * place / 100 for place in range(101)) for model, high in highs.items()},
        {(model, iou): Point(0.4, high, 0.5, high / 2) for model, high in highs.items() for iou in (0.5, 0.75)},
    )


def curves(*classes: ClassCurves) -> Curves:
    """Of some classes; of all, a dog and a cat if none are given."""
    return Curves(tuple(place / 100 for place in range(101)), classes or (curve(), curve("dog"), curve("cat")))


def confused(counts: dict[str, dict[tuple[int, int], int]] | None = None, **fields: Any) -> Confusion:
    """The candidate takes cats for dogs."""
    mixed = {CANDIDATE: {(1, 1): 90, (1, 2): 12, (2, 2): 50, (2, 0): 8, (0, 1): 3}, BASELINE: {(1, 1): 102, (2, 2): 58}}
    return Confusion(**{"names": ("cat", "dog"), "counts": counts or mixed, "images": 100, "of": 100} | fields)


def analysis(**fields: Any) -> ErrorAnalysis:
    """Six images, two classes, two types of errors."""
    types = (
        ErrorTypeCost("localization", {BASELINE: 0.02, CANDIDATE: 0.21}, {BASELINE: 3, CANDIDATE: 41}),
        ErrorTypeCost("missed", {BASELINE: 0.05, CANDIDATE: 0.06}, {BASELINE: 9, CANDIDATE: 11}),
    )
    whole: dict[str, Any] = {
        "gallery": tuple(gallery_image(place) for place in range(6)),
        "worse": 40,
        "change": "63 lost; 2 new and false",
        "curves": curves(),
        "confusion": confused(),
        "slices": (
            SliceErrors("camera", "north", 60, {BASELINE: ModelErrors(0.5, 0.1), CANDIDATE: ModelErrors(1.5, 0.3)}),
            SliceErrors("camera", "south", 40, {BASELINE: ModelErrors(0.4, 0.1), CANDIDATE: ModelErrors(0.4, 0.1)}),
        ),
        "error_types": ErrorTypesFound({0.5: types, 0.75: types}, 100, 100),
        "named": (gallery_image(1),),
        "thresholds": {BASELINE: {"cat": 0.4, "dog": 0.5}, CANDIDATE: {"cat": 0.3, "dog": 0.2}},
    }
    return ErrorAnalysis(**whole | fields)


RELABEL = "Draw the boxes of the span as those of the golden set are drawn, and deliver it again."


def signal(name: str = "label_size", supports: bool | None = True, **fields: Any) -> Signal:
    """Boxes that are a quarter too large."""
    whole: dict[str, Any] = {
        "role": Role.SUSPECT,
        "value": None if supports is None else 0.22,
        "threshold": 0.05,
        "unit": "ln of box size",
        "sentence": "boxes of the span are drawn 25% larger than the served model's",
        "std_error": 0.01,
    }
    return Signal(name, supports=supports, **whole | fields)


def finding(state: CauseState = CauseState.SUPPORTED, **fields: Any) -> CauseFinding:
    """Loose boxes, by three signals of four."""
    whole: dict[str, Any] = {
        "cause": ANNOTATION,
        "detail": "loose_boxes",
        "probability": 0.88 if state is CauseState.SUPPORTED else 0.0,
        "sentence": "The span's boxes are drawn 25% larger, and the candidate learned to draw them so.",
        "action": RELABEL,
        "signals": (
            signal(),
            signal("learned_size", role=Role.SYMPTOM, sentence="the candidate draws boxes 25% larger"),
            signal("size_undone", role=Role.PROOF, value=0.76, unit="share of the fall", sentence="76% comes back"),
            signal("noise", supports=False, role=Role.SYMPTOM, sentence="boxes scatter no more than before"),
            signal("skew", supports=None, sentence="a serving log would show it"),
        ),
        "share": 0.76,
        "std_error": 0.04,
        "images": ("7.jpg", "000001.jpg", "gone.jpg"),
    }
    return CauseFinding(state=state, **whole | fields)


def diagnosis(**fields: Any) -> Diagnosis:
    """One cause in each state; the annotation is the likely one."""
    found = finding()
    cause = Cause(
        ANNOTATION,
        "loose_boxes",
        0.88,
        DiagnosisState.NAMED,
        found.sentence,
        tuple(each.sentence for each in found.signals if each.supports),
        RELABEL,
    )
    unlike: dict[str, Any] = {"detail": "", "images": (), "share": None, "std_error": None}
    others = (
        finding(CauseState.OPEN, cause=FORGETTING, probability=0.27, sentence="It may have forgotten.", **unlike),
        finding(CauseState.REFUTED, cause=AUGMENTATION, sentence="Augmentation is as it was.", **unlike),
        finding(CauseState.NOT_TESTABLE, cause=OVERFITTING, sentence="No line was measured.", signals=(), **unlike),
    )
    whole: dict[str, Any] = {"cause": cause, "findings": (found, *others), "fall": -0.2, "explained": 0.76}
    return Diagnosis(**whole | fields)


def unnamed(state: DiagnosisState = DiagnosisState.UNKNOWN, **fields: Any) -> Diagnosis:
    """No cause is named: unknown, nothing to explain, or a diagnosis that failed."""
    whole: dict[str, Any] = {
        "name": NOTHING if state is DiagnosisState.NOTHING else UNKNOWN,
        "detail": "",
        "probability": 1.0,
        "sentence": "mAP fell, and no cause is more likely than not.",
        "evidence": (),
        "action": "Train once more on the earlier span.",
    }
    return Diagnosis(Cause(state=state, **whole | fields))


def override(**fields: Any) -> Override:
    """An approval in force."""
    whole: dict[str, Any] = {
        "kind": OverrideKind.APPROVED,
        "at": "2030-01-10T08:00:00+00:00",
        "by": "Ada",
        "reason": "the golden set misses night images",
        "run_id": "span-1-9999aaaa-1",
        "version": "1800000100",
        "previous_version": "1800000000",
        "model_digest": "m" * 64,
        "golden_digest": "g" * 64,
        "expires": "2030-02-01",
    }
    return Override(**whole | fields)


def past_run(number: int, **fields: Any) -> RecordedDecision:
    """A run that was pushed."""
    whole: dict[str, Any] = {
        "run_id": f"span-{number}-0000ffff-1",
        "span": number,
        "verdict": "PUSHED",
        "map": 0.6 + 0.01 * number,
        "baseline_map": 0.59 + 0.01 * number,
        "decided_at": f"2030-01-{number:02}T00:00:00+00:00",
        "golden_digest": "golden-digest",
        "evaluation": f"evaluation/{number}",
        "reason": None,
    }
    return recorded_decision(**whole | fields)


def content(**fields: Any) -> ReviewContent:
    """A blocked run whose labels the data gate had doubted."""
    gate = (
        reason(
            "labels:size", expected="boxes at most 6% larger", actual="boxes are drawn 25% larger", images=("7.jpg",)
        ),
        reason("schema", passed=True, expected="no anomaly", actual="no anomaly"),
    )
    whole: dict[str, Any] = {
        "run_id": RUN,
        "pipeline": "pets",
        "root": "ratchet-root",
        "command": "ratchet run --config pets.yaml --data spans --span 2 --set data_gate.mode=observe",
        "made_at": "2030-01-15T12:00:00+00:00",
        "pushed_version": None,
        "served": "1800000000",
        "data": DataDecision(True, gate),
        "comparisons": (comparison(),),
        "pictures": DataPictures({"labels:size": (Picture("7.jpg", "2 labels", (View(jpeg(), (640, 480)),)),)}),
        "diagnosis": diagnosis(),
        "evaluation": evaluation(
            reason(), reason("trust:leak", passed=True), held_out=data_set(0.6, 0.5), train_sample=data_set(0.7, 0.5)
        ),
        "analysis": analysis(),
        "candidate": training_record(mode="retrain", baseline_digest="b" * 64, span=2),
        "baseline": training_record(batch_size=8),
        "history": History((past_run(1),)),
        "lineage": Lineage(
            (("examples", "artifacts/examples/2", 2), ("evaluation", "artifacts/evaluation/8", 8)),
            "0.1.0, source 0123456789ab",
            dataset_info(source="spans/golden", span=0, digest="golden-digest"),
            dataset_info(),
        ),
    }
    return ReviewContent(**whole | fields)


def rejected(**fields: Any) -> ReviewContent:
    """A span that was not trained on."""
    gate = (
        reason("drift:qa/brightness", expected="as in training", actual="darker: median 54 -> 18"),
        reason("drift:qa/contrast", expected="as in training", actual="less contrast"),
    )
    found = unnamed(sentence="The data gate rejected the span.", action="Look at what the data gate found.")
    nothing = {"evaluation": None, "analysis": None, "candidate": None, "diagnosis": found}
    return content(**{"data": DataDecision(False, gate), **nothing, **fields})


def bootstrapped(**fields: Any) -> ReviewContent:
    """A first model."""
    golden = data_set(baseline=None)
    truth, _, found = layers_of()
    images = tuple(
        gallery_image(
            place, layers=(truth, found), errors={CANDIDATE: ModelErrors(1, 1)}, words={CANDIDATE: "1 missed; 1 false"}
        )
        for place in range(2)
    )
    one = {CANDIDATE: 0.7}
    types = (ErrorTypeCost("missed", {CANDIDATE: 0.1}, {CANDIDATE: 3}),)
    first = {
        "evaluation": evaluation(reason("min_map", passed=True), verdict=Verdict.BOOTSTRAPPED, golden=golden),
        "analysis": analysis(
            gallery=images,
            curves=curves(curve(highs=one), curve("dog", one)),
            error_types=ErrorTypesFound({0.5: types}, 100, 100),
            confusion=confused({CANDIDATE: {(1, 1): 3}}),
            slices=(SliceErrors("camera", "north", 60, {CANDIDATE: ModelErrors(1.5, 0.3)}),),
        ),
        "served": None,
        "baseline": None,
        "pushed_version": "1800000001",
        "history": History(),
        "data": DataDecision(True, (reason("schema", passed=True),)),
        "comparisons": (),
        "pictures": DataPictures({}),
        "diagnosis": unnamed(DiagnosisState.NOTHING, sentence="This is the first model.", action=""),
    }
    return content(**{**first, **fields})
