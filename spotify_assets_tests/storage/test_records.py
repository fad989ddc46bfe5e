"""Records of the platform: what was written is read, and of what was not, nothing is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.storage.records import decode_record, encode_record
from spotify_assets_tests.helpers.make_snapshot import ANY_TEXT, any_json

RECORD = {"days": {"2026-01-01": "a"}, "before": None, "why": "半分"}


@given(st.dictionaries(ANY_TEXT.filter(lambda name: name != "sha256"), any_json(allow_nan=False)))
def test_what_was_written_is_read(record):
    text = json.dumps(record, ensure_ascii=False)
    assert decode_record(encode_record(record)) == json.loads(text.encode(errors="replace"))


def test_no_flipped_bit_changes_what_a_record_says():
    data = encode_record(RECORD)
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        try:
            found = decode_record(bytes(flipped))
        except ValueError:
            continue
        # The name of the digest itself may be another one.
        assert {name: found[name] for name in RECORD} == RECORD


def test_a_record_of_an_older_version_has_no_digest():
    assert decode_record(json.dumps(RECORD).encode()) == RECORD


@pytest.mark.parametrize("data", [b"", b"[1]", b"null", b'"text"', b"[" * 100_000, bytes(20), b"\xff\xfe"])
def test_anything_else_is_no_record(data):
    with pytest.raises(ValueError, match=r".+"):
        decode_record(data)
