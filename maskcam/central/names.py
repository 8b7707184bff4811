"""What sites may be called."""

from __future__ import annotations

import re


def site_name(text: str) -> str:
    """A name as sites may have one, as it is.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[^/\x00-\x1f\x7f]{1,64}", text) or text != text.strip():
        raise ValueError(
            f"a site's name has 1 to 64 characters, no slash, and no space at its ends, got {text!r}"
        )
    return text
