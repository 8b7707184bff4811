"""Finds out that whole pictures of an H.264 stream were lost, which its decoder patches over without a word.

Every reference picture has a number, one more than the one before it (ITU-T H.264, 7.4.3, frame_num).
"""

from __future__ import annotations

import re

_START = re.compile(rb"\x00\x00\x01")
_SLICE, _KEY_SLICE, _PARAMETERS = 1, 5, 7  # nal_unit_type, table 7-1
_HEAD_BYTES = 64
"""More than the parts of parameters and slices that are read here."""
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})  # 7.3.2.1.1


class FrameNumbers:
    """Watches the numbers of the pictures of one stream.

    Streams without start codes, or whose parameters are unusual, are taken to be whole.
    """

    def __init__(self) -> None:
        self._bits: int | None = None
        self._reference: int | None = None

    def has_gap(self, data: bytes) -> bool:
        """Whether pictures are missing before this one.

        Args:
            data: the picture as it was sent: NAL units with start codes.
        """
        for start in _START.finditer(data):
            head = data[start.end() : start.end() + _HEAD_BYTES]
            if not head:
                return False
            kind, is_reference = head[0] & 31, bool(head[0] & 96)
            if kind == _PARAMETERS:
                self._bits = _number_bits(head)
            elif kind == _KEY_SLICE:
                self._reference = 0
                return False
            elif kind == _SLICE:
                return self._follows(head, is_reference=is_reference)
        return False

    def _follows(self, head: bytes, *, is_reference: bool) -> bool:
        if self._bits is None:
            return False
        bits = _Bits(head[1:])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.unsigned()
        number, before = bits.take(self._bits), self._reference
        if is_reference:
            self._reference = number
        return before is not None and number not in (before, (before + 1) % (1 << self._bits))


def _number_bits(head: bytes) -> int | None:
    """Length of the numbers by a sequence parameter set; None where gaps are allowed, or it is an unusual one."""
    profile = head[1]
    bits = _Bits(head[4:])
    bits.unsigned()  # seq_parameter_set_id
    if profile in _HIGH_PROFILES:
        if bits.unsigned() == 3:  # chroma_format_idc
            return None
        bits.unsigned()  # bit_depth_luma_minus8
        bits.unsigned()  # bit_depth_chroma_minus8
        bits.take(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.take(1):  # seq_scaling_matrix_present_flag
            return None
    length = bits.unsigned() + 4
    kind = bits.unsigned()  # pic_order_cnt_type
    if kind == 0:
        bits.unsigned()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        return None
    bits.unsigned()  # max_num_ref_frames
    return None if bits.take(1) else length  # gaps_in_frame_num_value_allowed_flag


class _Bits:
    """Reads numbers bit by bit, as 7.2 and 9.1 say."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention, 7.4.1
        self._rest = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next `count` bits; 0 beyond the end."""
        self._left -= count
        if self._left < 0:
            return 0
        return (self._rest >> self._left) & ((1 << count) - 1)

    def unsigned(self) -> int:
        """An Exp-Golomb number, ue(v)."""
        zeros = 0
        while zeros < 32 and self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
