"""Files of two models and their trainings, of which the second is worse; made by hand, small."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.pipeline.cli.main import main

IMAGES = 60
NAMES = ("cat", "dog", "bird")
CONFIG = """
model {{ ssd {{ num_classes: 3
  image_resizer {{ fixed_shape_resizer {{ height: 320 width: 320 }} }}
  matcher {{ argmax_matcher {{ matched_threshold: 0.5 unmatched_threshold: 0.5 }} }} }} }}
train_config {{
  batch_size: 16  num_steps: 1000
  fine_tune_checkpoint: "ssd_mobilenet_v2_coco/checkpoint/ckpt-0"
  data_augmentation_options {{ random_horizontal_flip {{ }} }}
  optimizer {{ momentum_optimizer {{ learning_rate {{ cosine_decay_learning_rate {{
    learning_rate_base: {rate} total_steps: 1000 warmup_learning_rate: 0.01 warmup_steps: 100 }} }} }} }}
}}
train_input_reader {{ label_map_path: "map.pbtxt" tf_record_input_reader {{ input_path: "train.record" }} }}
eval_input_reader {{ label_map_path: "map.pbtxt" tf_record_input_reader {{ input_path: "val.record" }} }}
"""


@dataclass(frozen=True)
class TwoModels:
    """A directory with files of both."""

    directory: Path

    @property
    def report(self) -> Path:
        """Where a page is written."""
        return self.directory / "report"

    def path(self, name: str) -> str:
        """One of the files."""
        return str(self.directory / name)

    def configs(self) -> list[str]:
        """Both configurations as options."""
        return ["--config-before", self.path("before.config"), "--config-after", self.path("after.config")]

    def results(self) -> list[str]:
        """The golden set and both result files as options."""
        files = ("--gt", "gt.json"), ("--before", "before.json"), ("--after", "after.json")
        return [text for option, name in files for text in (option, self.path(name))]

    def explain(self, *arguments: str) -> int:
        """Gives the command."""
        return main(["explain", *arguments])


def two_models(directory: Path, seed: int = 0) -> TwoModels:
    """Writes them."""
    rng = np.random.default_rng(seed)
    images = [
        {"id": place + 1, "file_name": f"scene{place:03}.jpg", "width": 640, "height": 480} for place in range(IMAGES)
    ]
    truth: list[dict[str, Any]] = []
    found: dict[str, list[dict[str, Any]]] = {"before": [], "after": []}
    for image in images:
        for _ in range(int(rng.integers(2, 6))):
            size = rng.uniform(40, 150, 2)
            box = np.concatenate([rng.uniform(0, np.array([640, 480]) - size), size])
            of = {"image_id": image["id"], "category_id": int(rng.integers(1, 4))}
            truth.append({**of, "id": len(truth) + 1, "bbox": box.tolist(), "area": float(size.prod()), "iscrowd": 0})
            for name, missed, scatter in (("before", 0.1, 0.03), ("after", 0.35, 0.08)):
                if rng.random() >= missed:
                    drawn = box + rng.normal(0, scatter, 4) * np.tile(size, 2)
                    found[name].append({**of, "bbox": np.maximum(drawn, 1).tolist(), "score": float(rng.beta(6, 2))})
        for name in found:
            false = [*rng.uniform(0, 300, 2), *rng.uniform(40, 150, 2)]
            entry = {"image_id": image["id"], "category_id": int(rng.integers(1, 4)), "bbox": list(map(float, false))}
            found[name].append({**entry, "score": float(rng.beta(2, 6))})
    categories = [{"id": place, "name": name} for place, name in enumerate(NAMES, start=1)]
    files = {"gt": {"images": images, "annotations": truth, "categories": categories}, **found}
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    for name, rate in (("before", 0.04), ("after", 0.1)):
        (directory / f"{name}.config").write_text(CONFIG.format(rate=rate), encoding="utf-8")
    return TwoModels(directory)
