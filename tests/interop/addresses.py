"""Where the sandbox is: the JSON that `sheetbridge sandbox` prints, in or named by SANDBOX_JSON."""

import json
import os
import pathlib


def sandbox() -> dict:
    """The addresses; fails, rather than skips, when there are none."""
    given = os.environ.get("SANDBOX_JSON", "")
    if not given:
        raise RuntimeError("set SANDBOX_JSON to the JSON that `sheetbridge sandbox` prints, or to a file with it")
    text = given if given.lstrip().startswith("{") else pathlib.Path(given).read_text(encoding="utf-8")
    return json.loads(text)
