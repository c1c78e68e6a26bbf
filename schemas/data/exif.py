"""What is done about images whose EXIF orientation says that their pixels are to be turned before they are shown."""

from __future__ import annotations

from typing import Literal

# refuse: such an image is an error. apply: boxes were drawn on the upright picture, and pixels are turned once, when
# they are read. ignore: boxes were drawn on the pixels as they are stored, which is what TensorFlow reads.
Exif = Literal["refuse", "apply", "ignore"]
REFUSE: Exif = "refuse"
APPLY: Exif = "apply"
IGNORE: Exif = "ignore"
EXIF_CHOICES: tuple[Exif, ...] = (REFUSE, APPLY, IGNORE)
