from __future__ import annotations

import pytest

from ratchet.components.object_store.uri import check_supported, is_gs, is_uri, split
from ratchet.schemas.base.errors import InputError


@pytest.mark.parametrize("uri", ["gs://b/r", "gs:/b/r", "s3://b", "minio://x/y", "https://h/x", "file:///x", "hdfs:/x"])
def test_a_uri_is_known_also_with_one_slash(uri: str) -> None:
    assert is_uri(uri)


@pytest.mark.parametrize("path", ["root", "/data/root", "./a:b", "c:/root", "a/gs:/b", ":/x", ""])
def test_a_path_is_no_uri(path: str) -> None:
    assert not is_uri(path)
    assert not is_gs(path)


def test_an_objects_name_is_taken_as_it_is() -> None:
    assert split("gs://bucket/images/a [1]#2/../x?.jpg") == ("bucket", "images/a [1]#2/../x?.jpg")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://bucket/root", "open gs:// alone"),
        ("minio://mlpipeline/x", "open gs:// alone"),
        ("gs:/bucket/root", "gs://BUCKET/..."),
        ("gs:bucket/root", "open gs:// alone"),
        ("gs://", "'' is no name of a bucket"),
        ("gs://UPPER/root", "'UPPER' is no name"),
        ("gs://bucket//root", "empty part"),
        ("gs://bucket/a/../root", ".."),
        ("gs://bucket/a*", "pattern"),
        ("file:///data/root", "without file://"),
        ("\x1b[2Jgs://x", "\\x1b"),
    ],
)
def test_a_place_that_cannot_work_is_refused_in_one_line(uri: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        check_supported(uri, "the pipeline root")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "the pipeline root" in str(error.value)


def test_a_place_that_works_is_taken() -> None:
    check_supported("gs://my-bucket.example/ratchet/root", "the pipeline root")
    check_supported("gs://bucket/", "the pipeline root")
