"""Files as an object store shows them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.builders import coco, coco_image, encode, picture, to_bytes


class ObjectStore:
    """Files as an object store shows them: directories end in a slash, errors are of no standard class."""

    class MissingError(Exception):
        pass

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.open_now = self.opened = 0
        self.lock = threading.Lock()

    def open(self, path: str, mode: str = "r") -> io.BytesIO:
        assert mode == "rb"
        if path not in self.files:
            raise self.MissingError(path)
        with self.lock:
            self.open_now += 1
            self.opened += 1
        store = self

        class File(io.BytesIO):
            def close(self) -> None:
                with store.lock:
                    store.open_now -= not self.closed
                super().close()

        return File(self.files[path])

    def exists(self, path: str) -> bool:
        return path in self.files or self.isdir(path)

    def isdir(self, path: str) -> bool:
        return any(name.startswith(path.rstrip("/") + "/") for name in self.files)

    def glob(self, pattern: str) -> list[str]:
        return [name for name in self.files if fnmatch(name, pattern)]

    def walk(self, top: str, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
        entries = self.listdir(top)
        yield top, [name for name in entries if name.endswith("/")], [n for n in entries if not n.endswith("/")]
        for name in entries:
            if name.endswith("/"):
                yield from self.walk(f"{top.rstrip('/')}/{name.rstrip('/')}", topdown)

    def listdir(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        rest = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
        return sorted({name.split("/")[0] + ("/" if "/" in name else "") for name in rest})


def bucket(images: int = 2) -> ObjectStore:
    document = coco(images=[coco_image(number) for number in range(1, images + 1)])
    files = {f"gs://b/span-2/images/{n}.jpg": encode(picture(seed=n)) for n in range(1, images + 1)}
    return ObjectStore(files | {"gs://b/span-2/annotations.json": to_bytes(document)})
