"""Mutants of what reads deliveries."""

from __future__ import annotations

from tests.mutants.mutant import mutants_of

DELIVERIES = (
    *mutants_of(
        "components/example_gen/layout/tree.py",
        "tests/components/example_gen/test_faithful.py",
        ('return name.startswith(".") or', "return", "hidden files are no part of a delivery"),
        ("if not is_stray(name) and os.path.islink(path):", "if False:", "links are followed"),
        ("circles.append(_joined(here, name))", "pass", "a link in a circle is told"),
    ),
    *mutants_of(
        "components/example_gen/layout/missing.py",
        "tests/components/example_gen/test_faithful.py",
        ("if other is not None:", "if False:", "a picture of another kind is named"),
    ),
    *mutants_of(
        "components/example_gen/layout/class_files.py",
        "tests/components/example_gen/test_faithful.py",
        (
            "if longest is not None and each.names",
            "if False and longest is not None and each.names",
            "lists of classes agree",
        ),
    ),
    *mutants_of(
        "components/example_gen/class_lists.py",
        "tests/components/example_gen/test_faithful.py",
        ("if count is not None and count != str(len(names)):", "if False:", "nc is the number of names"),
        ("if other is not name:", "if False:", "classes that look alike are one"),
    ),
    *mutants_of(
        "components/coco/groupings.py",
        "tests/components/example_gen/test_faithful.py",
        (
            'if why and entry["id"] not in used',
            'if False and entry["id"] not in used',
            "a grouping category is no class",
        ),
    ),
    *mutants_of(
        "components/example_gen/yolo_rows.py",
        "tests/components/example_gen/test_faithful.py",
        ("return any(sum(_is_pose", "return False and any(sum(_is_pose", "pose rows are told from polygons"),
        ("if len(row.values) not in (_BOX, _BOX + keypoints):", "if False:", "a row is as long as kpt_shape says"),
    ),
    *mutants_of(
        "components/example_gen/voc.py",
        "tests/components/example_gen/test_faithful.py",
        ("if own is not None and named is not None and own != named:", "if False:", "a renamed picture is an error"),
        ("return None\n    sides = []", "pass\n    sides = []", "a missing size is that of the picture"),
    ),
    *mutants_of(
        "components/example_gen/layout/pictures.py",
        "tests/components/example_gen/test_faithful.py",
        ("if len(found) == 1:", "if found:", "a name that may be two pictures is not guessed"),
    ),
    *mutants_of(
        "components/example_gen/yolo.py",
        "tests/components/example_gen/test_faithful.py",
        (
            "found = [picture for picture in found if picture.name in listed]",
            "pass",
            "pictures in no split are left out",
        ),
    ),
    *mutants_of(
        "components/example_gen/layout/detect.py",
        "tests/components/example_gen/test_faithful.py",
        ("if len(found) == 1:\n        return", "if found:\n        return", "two readings are an error"),
    ),
    *mutants_of(
        "pipeline/data/resumable.py",
        "tests/pipeline/data/test_resumable.py",
        ("shutil.rmtree(whole, ignore_errors=True)", "pass", "what was begun for something else is thrown away"),
    ),
    *mutants_of(
        "pipeline/data/write_images.py",
        "tests/pipeline/data/test_resumable.py",
        ('return zlib.crc32(file.read()) == line["crc"]', "return True", "what was written is what is there"),
        ('line.get("state") != state', "False", "a picture that changed is checked again"),
    ),
)
