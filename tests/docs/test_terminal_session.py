"""The recorded session in the README is what the commands print today."""

import html
import re

import pytest

from docs.terminal_session import TARGET, transcript


def words_in(text: str) -> list[str]:
    return text.replace("\xa0", " ").split()


@pytest.mark.slow
def test_the_recorded_session_is_what_the_commands_print():
    shown = [html.unescape(text) for text in re.findall(r">([^<>]+)</text>", TARGET.read_text())]
    session = words_in(" ".join(shown))
    for command, printed in transcript().items():
        # The last line of `inspect` has the versions of whichever stack this is.
        lines = [line for line in printed.splitlines() if "tensorflow " not in line]
        for line in (f"$ {command}", *lines):
            words = words_in(line)
            found = range(len(session) - len(words) + 1)
            assert any(session[i : i + len(words)] == words for i in found), (
                f"{line!r} is not in {TARGET.name}: run `make docs`"
            )
