"""Lines of every way in which TOML can say a key."""

from __future__ import annotations

from apologylab.wire.positions import positions

TEXT = """\
a = 1  # one
b.c = { d = 2, "e f" = [ 3,
  4 ] }

[t."x.y"]
g = '''
long
'''
[[o]]
n = 1
[o.p]
q = 2
[[o]]
# between
n = [
  # inside
  { r = 1 },
  { r = 2 },
]
[[o.s]]
u = 1
"""


def test_every_path_has_its_line():
    assert positions(TEXT) == {
        "a": 1,
        "b": 2,
        "b.c": 2,
        "b.c.d": 2,
        'b.c."e f"': 2,
        'b.c."e f"[0]': 2,
        'b.c."e f"[1]': 3,
        "t": 5,
        't."x.y"': 5,
        't."x.y".g': 6,
        "o": 9,
        "o[0]": 9,
        "o[0].n": 10,
        "o[0].p": 11,
        "o[0].p.q": 12,
        "o[1]": 13,
        "o[1].n": 15,
        "o[1].n[0]": 17,
        "o[1].n[0].r": 17,
        "o[1].n[1]": 18,
        "o[1].n[1].r": 18,
        "o[1].s": 20,
        "o[1].s[0]": 20,
        "o[1].s[0].u": 21,
    }


def test_letters_of_any_script_do_not_shift_lines():
    assert positions('a = "žluťoučký 🐎"\nb = 2\n') == {"a": 1, "b": 2}
