"""Arrays that are larger than memory: .npz files written in pieces and mapped, not read; and arrays on a disk.

Members of an .npz file that `np.savez` or `ArraysWriter` wrote are not compressed, so that their bytes are those of the
array: the kernel reads the pages that are looked at, and can give them up again whenever it needs the memory.
"""

from __future__ import annotations

import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np

# Bytes of an array that is worth a mapping, or a file of its own. Tests set them lower.
_MAPPED_FROM = 1 << 16
_ON_DISK_FROM = 64 << 20
_PIECE_ROWS = 1 << 18
_PIECE_BYTES = 1 << 22
_LOCAL_HEADER = struct.Struct("<26xHH")  # APPNOTE.TXT 4.3.7: lengths of file name and extra field, before them


class StoredArrays(Mapping[str, np.ndarray]):
    """The arrays of an .npz file, by name; large ones that are not compressed are mapped and cannot be written to."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Opens the file.

        Raises:
            OSError: it cannot be read.
            zipfile.BadZipFile: it is torn.
        """
        self._path = path
        with zipfile.ZipFile(path) as members:
            self._members = {info.filename.removesuffix(".npy"): info for info in members.infolist()}

    def __getitem__(self, name: str) -> np.ndarray:
        """Reads or maps an array; zipfile.BadZipFile or ValueError if its bytes are not those that were written."""
        info = self._members[name]
        if info.compress_type != zipfile.ZIP_STORED or info.file_size < _MAPPED_FROM:
            with zipfile.ZipFile(self._path) as members, members.open(info) as member:
                return np.lib.format.read_array(member, allow_pickle=False)
        return self._mapped(info)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _mapped(self, info: zipfile.ZipInfo) -> np.ndarray:
        with open(self._path, "rb") as file:
            file.seek(info.header_offset)
            name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            start = info.header_offset + _LOCAL_HEADER.size + name + extra
            file.seek(start)
            if _checksum(file, info.file_size) != info.CRC:
                raise zipfile.BadZipFile(f"{self._path}: {info.filename} is damaged")
            file.seek(start)
            np.lib.format.read_magic(file)
            shape, by_columns, kind = np.lib.format.read_array_header_1_0(file)
            return np.asarray(np.memmap(file, kind, "r", file.tell(), shape, "F" if by_columns else "C"))


def _checksum(file: Any, size: int) -> int:
    found = 0
    while size:
        piece = file.read(min(size, _PIECE_BYTES))
        if not piece:
            return -1
        found, size = zlib.crc32(piece, found), size - len(piece)
    return found


class ArraysWriter:
    """Writes an .npz file that is never in memory as a whole; a context manager."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Creates the file."""
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> ArraysWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def write(self, name: str, values: np.ndarray) -> None:
        """Writes an array."""
        self.write_pieces(name, values.dtype, values.shape, pieces_of(values) if values.ndim else [values])

    def write_pieces(self, name: str, kind: np.dtype, shape: tuple[int, ...], pieces: Iterable[np.ndarray]) -> None:
        """Writes an array that comes piece by piece.

        Args:
            name: of the array.
            kind: its type.
            shape: of the whole.
            pieces: its rows in their order.
        """
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
        with self._archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            for piece in pieces:
                member.write(np.ascontiguousarray(piece).tobytes())


def pieces_of(values: np.ndarray) -> Iterator[np.ndarray]:
    """An array of many rows, some of them after the other."""
    for start in range(0, len(values), _PIECE_ROWS):
        yield values[start : start + _PIECE_ROWS]


def room_for(count: int, kind: np.dtype) -> np.ndarray:
    """An array [count] to be filled: in memory or, if it is large, in a file without a name that ends with it."""
    size = count * kind.itemsize
    if size < _ON_DISK_FROM:
        return np.empty(count, kind)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return np.asarray(np.memmap(file, kind, "r+", shape=(count,)))
